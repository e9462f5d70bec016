import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { bytesSource } from '@spacestore/core';
import { memoryBlobStore } from '@spacestore/core/memory';
import { expect, it } from 'vitest';
import { tokenOf, withWorkspace } from '../support/harness.ts';

const path = '/v1/workspaces/w1/files/var/0f8fad5bd9cb469fa16570867728950e';
const MiB = 1024 * 1024;

it('an upload is read no faster than the store takes it', async () => {
  const blobs = memoryBlobStore({ maxBlobBytes: 256 * MiB });
  let release: () => void = () => expect.unreachable();
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let received = 0;
  const slow = {
    ...blobs,
    put: async (...[root, key, source, ...rest]: Parameters<typeof blobs.put>) => {
      for await (const chunk of source.open()) {
        received += chunk.length;
        await gate; // the first chunk is all it takes for now
      }
      return blobs.put(root, key, bytesSource(new Uint8Array(0)), ...rest);
    },
  };
  const { server } = await withWorkspace({ blobs: slow });
  const { port } = new URL(await server.listen());
  const upload = request({
    port,
    method: 'PUT',
    path,
    headers: { authorization: `Bearer ${tokenOf('editor')}`, 'content-length': 128 * MiB },
  });
  const status = new Promise<number | undefined>((resolve, reject) => {
    upload.on('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    upload.on('error', reject);
  });
  const chunk = Buffer.alloc(MiB);
  let sent = 0;
  const sending = (async () => {
    for (; sent < 128; sent++) if (!upload.write(chunk)) await new Promise<void>((resolve) => upload.once('drain', () => resolve()));
    upload.end();
  })();
  for (let before = -1; received === 0 || before !== sent; ) {
    before = sent;
    await delay(50);
  }
  expect(sent).toBeLessThan(64); // what the kernel's buffers hold, not the file
  release();
  await sending;
  expect(await status).toBe(201);
  expect(received).toBe(128 * MiB);
});
