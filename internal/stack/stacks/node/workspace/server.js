import { createServer } from 'node:http';
import { handle } from './app.js';

const port = Number(process.env.PORT || 3000);
const server = createServer(handle);

server.listen(port, () => console.log(`listening on port ${port}`));

// Requests under way are answered before the process ends; idle connections would only hold it up.
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
