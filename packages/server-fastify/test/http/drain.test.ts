import { type ClientRequest, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { tokenOf, withWorkspace } from '../support/harness.ts';

const path = '/v1/workspaces/w1/files/var/0f8fad5bd9cb469fa16570867728950e';

it('a server that closes lets an upload under way end and takes no new requests', async () => {
  const { server, call } = await withWorkspace();
  const { port } = new URL(await server.listen());
  let upload: ClientRequest | undefined;
  const status = new Promise<number | undefined>((resolve, reject) => {
    upload = request(
      { port, method: 'PUT', path, headers: { authorization: `Bearer ${tokenOf('editor')}`, 'content-length': 10 } },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    upload.on('error', reject);
    upload.write('first');
  });
  while (((await call('owner', 'GET', '/workspaces/w1/usage')).json() as { files: number }).files === 0) await delay(5);
  const closed = server.close();
  await delay(20);
  await expect(fetch(`http://127.0.0.1:${port}/livez`)).rejects.toThrow();
  upload?.end('after');
  expect(await status).toBe(201);
  await closed;
  await server.close();
});
