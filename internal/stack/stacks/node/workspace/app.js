const project = process.env.ISOLAB_PROJECT || 'project';
const environment = process.env.ISOLAB_ENVIRONMENT || 'local';

const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => text.replace(/[&<>"']/g, (character) => entities[character]);

// The gateway strips the path prefix and tells it in a header, so that links can be built with it.
const prefixOf = (request) => (request.headers['x-forwarded-prefix'] || '').replace(/\/+$/, '');

const page = (prefix) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(project)}</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif }
  body { max-width: 36rem; margin: 12vh auto; padding: 0 1.5rem }
  code { background: #8883; padding: .1em .4em; border-radius: .3em }
</style>
<h1>${escape(project)}</h1>
<p>The <strong>${escape(environment)}</strong> environment is running on Node.js ${process.versions.node}.</p>
<p>Edit <code>app.js</code>, or look at <a href="${escape(prefix)}/api">the same as JSON</a>.</p>
</html>
`;

function send(response, status, type, body) {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-cache' });
  response.end(body);
}

/** Answers one request. Exported apart from the server, so that tests need no fixed port. */
export function handle(request, response) {
  const [path] = request.url.split('?', 1);
  switch (path) {
    case '/':
      return send(response, 200, 'text/html; charset=utf-8', page(prefixOf(request)));
    case '/api':
      return send(response, 200, 'application/json', JSON.stringify({ project, environment }));
    case '/healthz':
      return send(response, 200, 'text/plain; charset=utf-8', 'ok\n');
    default:
      return send(response, 404, 'text/plain; charset=utf-8', 'Not found\n');
  }
}
