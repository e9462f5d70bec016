import { createHash, randomBytes } from 'node:crypto';
import { bytesSource, parseBlobRoot, readAll, staticKey, varKey } from '@spacestore/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RemoteStores, remoteStores } from '../src/stores/remote-stores.ts';
import { type RealServer, startRealServer, tokenOf, workspace } from './support/real-server.ts';

let server: RealServer;
let stores: RemoteStores;
const root = parseBlobRoot(`owner/${workspace}`);
beforeEach(async () => {
  server = await startRealServer();
  stores = await remoteStores({ url: server.url, token: () => tokenOf('editor') });
});
afterEach(async () => {
  await server.stop();
});

const bytes = randomBytes(3_000_000);
const key = staticKey(createHash('sha256').update(bytes).digest('hex'));

test('a file goes up with progress and comes down as it was; again nothing is sent', async () => {
  const progress: number[] = [];
  const told = await stores.direct.upload(workspace, bytesSource(bytes), {
    contentType: 'image/png',
    name: 'a.png',
    onProgress: (sent, of) => {
      expect(of).toBe(bytes.length);
      progress.push(sent);
    },
  });
  expect(told).toEqual({ key, sizeBytes: bytes.length, sent: true });
  expect(progress.length).toBeGreaterThan(5);
  expect(progress.toSorted((a, b) => a - b)).toEqual(progress);
  expect(progress.at(-1)).toBe(bytes.length);
  expect(await stores.direct.upload(workspace, bytesSource(bytes))).toMatchObject({ sent: false });
  const content = await stores.direct.download(root, key);
  expect(content?.info).toMatchObject({ contentType: 'image/png' });
  expect(bytes.equals(await readAll(content?.body as AsyncIterable<Uint8Array>, 1e9))).toBe(true);
  const saved = await fetch(await stores.direct.downloadUrl(workspace, key, 'b.png'));
  expect(saved.headers.get('content-disposition')).toContain('b.png');
  expect(bytes.equals(new Uint8Array(await saved.arrayBuffer()))).toBe(true);
});

test('an empty file is a file', async () => {
  const { key: empty } = await stores.direct.upload(workspace, bytesSource(new Uint8Array(0)));
  const content = await stores.direct.download(root, empty);
  expect(await readAll(content?.body as AsyncIterable<Uint8Array>, 1)).toHaveLength(0);
});

test('what fails is told as it is, and leaves nothing', async () => {
  const broken = {
    open: async function* () {
      yield bytes.subarray(0, 1000);
      if (reads++ > 0) throw new Error('the disk is gone');
      yield bytes.subarray(1000, 2000);
    },
  };
  let reads = 0;
  await expect(stores.direct.upload(workspace, broken)).rejects.toThrow('the disk is gone');
  // The second reading gives other bytes than the first: their hash says so.
  let round = 0;
  const changing = { open: () => bytesSource(bytes.subarray(round++, 100_000 + round)).open() };
  await expect(stores.direct.upload(workspace, changing)).rejects.toMatchObject({ code: 'unavailable', context: { status: 400 } });
  const gone = new AbortController();
  const waiting = stores.direct.upload(workspace, bytesSource(bytes), { onProgress: () => gone.abort() }, { signal: gone.signal });
  await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  expect((await stores.blobs.list(root, { limit: 10 })).items).toEqual([]);
  expect(await stores.direct.download(root, key)).toBeUndefined();
  await expect(stores.direct.download(root, varKey('0'.repeat(32)))).resolves.toBeUndefined();
  const viewer = await remoteStores({ url: server.url, token: () => tokenOf('viewer') });
  await expect(viewer.direct.upload(workspace, bytesSource(bytes))).rejects.toMatchObject({ code: 'denied' });
  const stranger = await remoteStores({ url: server.url, token: () => tokenOf('stranger') });
  await expect(stranger.direct.upload(workspace, bytesSource(bytes))).rejects.toMatchObject({ code: 'not_found' });
});
