import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { handle } from './app.js';

const server = createServer(handle);
let origin;

before(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());

test('the start page links below the prefix of the gateway', async () => {
  const response = await fetch(origin, { headers: { 'x-forwarded-prefix': '/projects/shop/' } });
  assert.equal(response.status, 200);
  assert.match(await response.text(), /href="\/projects\/shop\/api"/);
});

test('a prefix cannot inject markup', async () => {
  const response = await fetch(origin, { headers: { 'x-forwarded-prefix': '"><script>' } });
  assert.doesNotMatch(await response.text(), /<script>/);
});

test('the health check answers', async () => {
  assert.equal((await fetch(`${origin}/healthz`)).status, 200);
});

for (const path of ['/missing', '//']) {
  test(`${path} is not found`, async () => {
    assert.equal((await fetch(`${origin}${path}`)).status, 404);
  });
}
