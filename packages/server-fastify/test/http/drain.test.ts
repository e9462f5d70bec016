import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, it, vi } from 'vitest';
import { tokenOf, withWorkspace } from '../support/harness.ts';

const path = '/v1/workspaces/w1/files/var/0f8fad5bd9cb469fa16570867728950e';

/** Keeps its connections open for as long as the server lets it. */
const agent = new Agent({ keepAlive: true });
afterAll(() => agent.destroy());

it('a server that closes lets an upload under way end and takes no new requests', async () => {
  const { server, call } = await withWorkspace();
  const { port } = new URL(await server.listen());
  const cut = vi.spyOn(server.app.server as never as { closeAllConnections: () => void }, 'closeAllConnections');
  let upload: ClientRequest | undefined;
  const status = new Promise<number | undefined>((resolve, reject) => {
    upload = request(
      { agent, port, method: 'PUT', path, headers: { authorization: `Bearer ${tokenOf('editor')}`, 'content-length': 10 } },
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
  expect(cut).not.toHaveBeenCalled(); // it did not wait until connections are cut: the client would have kept its own
});

it('a server that closes lets a download under way end, and then its connection with it', async () => {
  const { server, call } = await withWorkspace();
  const bytes = Buffer.alloc(24 * 1024 * 1024, 'x');
  await call('editor', 'PUT', path.slice(3), { body: bytes });
  const { port } = new URL(await server.listen());
  const cut = vi.spyOn(server.app.server as never as { closeAllConnections: () => void }, 'closeAllConnections');
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    request({ agent, port, path, headers: { authorization: `Bearer ${tokenOf('editor')}` } }, resolve)
      .on('error', reject)
      .end(),
  );
  expect(response.headers.connection).toBe('keep-alive'); // said before the server knew that it ends
  const closed = server.close();
  await delay(20);
  let received = 0;
  for await (const chunk of response) received += (chunk as Buffer).length;
  expect(received).toBe(bytes.length);
  await closed;
  expect(cut).not.toHaveBeenCalled();
});
