import assert from 'node:assert/strict';
import { createServer, get } from 'node:http';
import { after, before, test } from 'node:test';
import { createHandler } from './app.js';

const server = createServer(createHandler({ basePath: '/projects/shop/', project: 'shop', environment: 'dev' }));
let port;

before(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = server.address().port;
});
after(() => server.close());

// Not fetch, which would tidy the path before it is sent.
const request = (path) => new Promise((resolve, reject) => {
  get({ port, host: '127.0.0.1', path, agent: false }, (response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (chunk) => { body += chunk; });
    response.on('end', () => resolve({ status: response.statusCode, type: response.headers['content-type'], body }));
  }).on('error', reject);
});

for (const path of ['/projects/shop/', '/projects/shop/orders/7']) {
  test(`${path} is a place inside the application`, async () => {
    const { status, body } = await request(path);
    assert.equal(status, 200);
    assert.match(body, /<base href="\/projects\/shop\/">/);
  });
}

test('without the prefix the base is the root', async () => {
  assert.match((await request('/')).body, /<base href="\/">/);
});

test('files are served with their type', async () => {
  const { status, type } = await request('/projects/shop/src/main.js');
  assert.equal(status, 200);
  assert.match(type, /javascript/);
});

for (const path of ['/server.js', '/src/../server.js', '/src/%2e%2e/server.js', '/src/..%2fserver.js', '/src/%zz.js', '/src/missing.js']) {
  test(`${path} is not served`, async () => {
    assert.equal((await request(path)).status, 404);
  });
}

test('the server names project and environment', async () => {
  assert.deepEqual(JSON.parse((await request('/projects/shop/api/info')).body), { project: 'shop', environment: 'dev' });
});

test('the health check answers with and without the prefix', async () => {
  assert.equal((await request('/healthz')).status, 200);
  assert.equal((await request('/projects/shop/healthz')).status, 200);
});
