import { readFile } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));

// Only these folders are served; the server's own files and the tests are nobody's business.
const folders = ['lib', 'src'].map((name) => join(root, name) + sep);

const types = {
  '.css': 'text/css; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

function send(response, status, type, body) {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-cache' });
  response.end(body);
}

const notFound = (response) => send(response, 404, 'text/plain; charset=utf-8', 'Not found\n');

/** The file that a path names, or null when it leaves the served folders. */
function fileOf(path) {
  try {
    const file = join(root, decodeURIComponent(path));
    return folders.some((folder) => file.startsWith(folder)) ? file : null;
  } catch {
    return null; // malformed percent-encoding
  }
}

async function sendFile(response, path) {
  const file = fileOf(path);
  if (!file) return notFound(response);
  try {
    send(response, 200, types[extname(file)] || 'application/octet-stream', await readFile(file));
  } catch {
    notFound(response);
  }
}

async function sendPage(response, base) {
  const html = await readFile(join(root, 'index.html'), 'utf8');
  send(response, 200, 'text/html; charset=utf-8', html.replace('<base href="/">', () => `<base href="${base}">`));
}

/**
 * Makes the function that answers requests, at / and below basePath, which the gateway does not strip.
 * A path without a file extension is a place inside the application and gets its page.
 */
export function createHandler({ basePath, project, environment }) {
  return async (request, response) => {
    try {
      let [path] = request.url.split('?', 1);
      let base = '/';
      if (path.startsWith(basePath)) {
        base = basePath;
        path = path.slice(basePath.length - 1);
      }
      if (path === '/healthz') return send(response, 200, 'text/plain; charset=utf-8', 'ok\n');
      if (path === '/api/info') {
        return send(response, 200, 'application/json', JSON.stringify({ project, environment }));
      }
      if (extname(path)) return await sendFile(response, path);
      return await sendPage(response, base);
    } catch (error) {
      console.error(`cannot answer ${request.method} ${request.url}:`, error);
      send(response, 500, 'text/plain; charset=utf-8', 'Internal server error\n');
    }
  };
}
