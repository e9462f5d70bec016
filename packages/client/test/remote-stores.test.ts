import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { bytesSource, parseBlobRoot, parseSecretName, parseWorkspaceId, readAll, staticKey, varKey } from '@spacestore/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RemoteStores, remoteStores } from '../src/stores/remote-stores.ts';
import { type RealServer, startRealServer, tokenOf, workspace } from './support/real-server.ts';
import { idOf, peerA, record, tree } from './support/records.ts';

let server: RealServer;
let stores: RemoteStores;
const root = parseBlobRoot(`owner/${workspace}`);
beforeEach(async () => {
  server = await startRealServer({ limits: { callRecords: 50, bodyBytes: 1000 } });
  stores = await remoteStores({ url: server.url, token: () => tokenOf('owner') });
});
afterEach(async () => {
  await server.stop();
});

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const code = (name: string) => expect.objectContaining({ code: name });

describe('a server seen as stores', () => {
  test('what is appended is read back, page by page, and counted once', async () => {
    const records = Array.from({ length: 30 }, (_, i) => record(i));
    expect(await stores.ops.append(workspace, records)).toMatchObject({ added: 30, committedAt: 30 });
    expect(await stores.ops.append(workspace, [record(29), record(30)])).toMatchObject({ added: 1 });
    const seen: string[] = [];
    for (let query: Parameters<typeof stores.ops.read>[1] | undefined = { limit: 7 }; query !== undefined; ) {
      const page: Awaited<ReturnType<typeof stores.ops.read>> = await stores.ops.read(workspace, query);
      seen.push(...page.records.map(idOf));
      query = page.next;
    }
    expect(seen).toEqual([...records, record(30)].map(idOf));
    expect(await stores.ops.head(workspace)).toMatchObject({ position: 31, maxCounter: 30 });
    expect((await stores.ops.vector(workspace, { limit: 10 })).vector).toEqual(new Map([[tree, new Map([[peerA, [[0, 30]]]])]]));
    expect((await stores.ops.trees(workspace, { limit: 10 })).items).toEqual([tree]);
  });

  test('errors are the same as at the store: code and context', async () => {
    await stores.ops.append(workspace, [record(1)]);
    await expect(stores.ops.append(workspace, [record(0), record(1, peerA, 'other')])).rejects.toMatchObject({
      code: 'equivocation',
      context: { ids: [{ tree, peer: peerA, counter: 1 }] },
    });
    expect(await stores.ops.head(workspace)).toMatchObject({ position: 1 });
    const [{ through }] = [await stores.ops.read(workspace, { limit: 1 })];
    const foreign = through?.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) as NonNullable<typeof through>;
    await expect(stores.ops.read(workspace, { after: foreign, limit: 1 })).rejects.toMatchObject({
      code: 'stale_cursor',
      context: { head: through },
    });
    await expect(stores.ops.append(workspace, [], { ifEpoch: 1 })).rejects.toEqual(code('unsupported'));
    await expect(stores.ops.fence(workspace, 5)).rejects.toEqual(code('unsupported'));
  });

  test('limits are those of the server, tried before anything is sent', async () => {
    expect(stores.ops.capabilities).toMatchObject({ maxCallRecords: 50, maxBodyBytes: 1000, fence: false, via: false, snapshot: false });
    await expect(
      stores.ops.append(
        workspace,
        Array.from({ length: 51 }, (_, i) => record(i)),
      ),
    ).rejects.toEqual(code('too_large'));
    await stores.ops.append(workspace, [record(0, peerA, 'x'.repeat(1000))]);
    await expect(stores.ops.append(workspace, [record(1, peerA, 'x'.repeat(1001))])).rejects.toEqual(code('too_large'));
  });

  test('one who is no member is told so, never that it is empty', async () => {
    const foreign = await remoteStores({ url: server.url, token: () => tokenOf('stranger') });
    await expect(foreign.ops.head(workspace)).rejects.toEqual(code('not_found'));
    await expect(foreign.ops.read(workspace, { limit: 1 })).rejects.toEqual(code('not_found'));
    await expect(foreign.secrets.getAll(workspace)).rejects.toEqual(code('not_found'));
    await expect(foreign.secrets.get(workspace, parseSecretName('n'))).rejects.toEqual(code('not_found'));
    await expect(foreign.blobs.list(root, { limit: 1 })).rejects.toEqual(code('not_found'));
    await expect(foreign.blobs.get(root, varKey('0'.repeat(32)))).rejects.toEqual(code('not_found'));
  });

  test('a caller who makes workspaces finds them empty before, and only if the list says so', async () => {
    const own = await remoteStores({ url: server.url, token: () => tokenOf('stranger'), createWorkspaces: 'opaque' });
    const fresh = parseWorkspaceId('fresh');
    expect(await own.ops.head(fresh)).toBeUndefined();
    expect(await own.ops.read(fresh, { limit: 5 })).toEqual({ records: [], through: undefined });
    expect(await own.ops.append(fresh, [])).toMatchObject({ added: 0, committedAt: 0 });
    expect((await own.ops.workspaces({ limit: 10 })).items).toEqual([]);
    expect(await own.ops.append(fresh, [record(0)])).toMatchObject({ added: 1 });
    expect((await own.ops.workspaces({ limit: 10 })).items).toEqual([fresh]);
    await own.ops.drop(fresh);
    expect(await own.ops.head(fresh)).toBeUndefined();
  });

  test('files go up and down whole, by range and on condition', async () => {
    const bytes = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7) % 251);
    const key = staticKey(hashOf(bytes));
    const info = await stores.blobs.put(root, key, bytesSource(bytes), { contentType: 'image/png' });
    expect(info).toMatchObject({ key, sizeBytes: bytes.length, sha256: hashOf(bytes) });
    const whole = await stores.blobs.get(root, key);
    expect(hashOf(await readAll(whole?.body as AsyncIterable<Uint8Array>, 1e9))).toBe(hashOf(bytes));
    expect(await stores.blobs.head(root, key)).toMatchObject({ contentType: 'image/png', version: info.version });
    for (const [range, from, to] of [
      [{ first: 10, last: 19 }, 10, 20],
      [{ suffix: 5 }, 2_999_995, 3_000_000],
      [{ first: 2_999_999, last: 5_000_000 }, 2_999_999, 3_000_000],
      [{ first: 3_000_000 }, 3_000_000, 3_000_000],
    ] as const) {
      const part = await stores.blobs.get(root, key, { range });
      expect(part).toMatchObject({ offset: from, sizeBytes: to - from, info: { sizeBytes: bytes.length } });
      expect(await readAll(part?.body as AsyncIterable<Uint8Array>, 1e9)).toEqual(bytes.slice(from, to));
    }
    const mutable = varKey('1'.repeat(32));
    const first = await stores.blobs.put(root, mutable, bytesSource(Uint8Array.of(1)), { ifNoneMatch: '*' });
    await expect(stores.blobs.put(root, mutable, bytesSource(Uint8Array.of(2)), { ifNoneMatch: '*' })).rejects.toEqual(code('conflict'));
    await stores.blobs.put(root, mutable, bytesSource(Uint8Array.of(2)), { ifMatch: first.version });
    expect((await stores.blobs.list(root, { limit: 10 })).items.map((entry) => entry.key)).toEqual([key, mutable]);
    await stores.blobs.delete(root, mutable);
    expect(await stores.blobs.get(root, mutable)).toBeUndefined();
    expect(await stores.blobs.head(root, mutable)).toBeUndefined();
  });

  test('a source that fails passes its error on and leaves nothing, small or streamed', async () => {
    for (const sizeBytes of [undefined, 10]) {
      const source = {
        ...(sizeBytes !== undefined && { sizeBytes }),
        open: async function* () {
          yield Uint8Array.of(1, 2, 3);
          throw new RangeError('the disk is gone');
        },
      };
      await expect(stores.blobs.put(root, varKey('2'.repeat(32)), source)).rejects.toThrow('the disk is gone');
    }
    expect((await stores.blobs.list(root, { limit: 10 })).items).toEqual([]);
  });

  test('secrets are kept by compare-and-set', async () => {
    const name = parseSecretName('api-key');
    expect(await stores.secrets.get(workspace, name)).toBeUndefined();
    expect(await stores.secrets.set(workspace, name, Uint8Array.of(0, 255), { ifVersion: 0, writeId: 'w1' })).toEqual({ version: 1 });
    await expect(stores.secrets.set(workspace, name, Uint8Array.of(1), { ifVersion: 0, writeId: 'w2' })).rejects.toMatchObject({
      code: 'conflict',
      context: { name, version: 1 },
    });
    expect(await stores.secrets.get(workspace, name)).toEqual({ value: Uint8Array.of(0, 255), version: 1 });
    await stores.secrets.setAll(workspace, [{ name: parseSecretName('b'), value: Uint8Array.of(), ifVersion: 0 }], 'w3');
    expect(await stores.secrets.getAll(workspace)).toEqual([
      { name, value: Uint8Array.of(0, 255), version: 1 },
      { name: 'b', value: Uint8Array.of(), version: 1 },
    ]);
    expect(await stores.secrets.delete(workspace, name, { ifVersion: 1, writeId: 'w4' })).toEqual({ version: 2 });
    expect((await stores.secrets.names(workspace, { limit: 10 })).items).toEqual(['b']);
  });

  test('members and workspaces are managed', async () => {
    const made = await stores.workspaces.create({ id: parseWorkspaceId('w2'), codec: 'reptree-1' });
    expect(made).toMatchObject({ id: 'w2', codec: 'reptree-1', role: 'owner' });
    expect((await stores.workspaces.list({ limit: 10 })).items.map(({ id }) => id)).toEqual(['w1', 'w2']);
    expect((await stores.workspaces.members(workspace, { limit: 10 })).items).toContainEqual({ user: 'viewer', role: 'viewer' });
  });
});

describe('an answer that is not a Spacestore server’s', () => {
  let proxy: Server;
  let answer: { status: number; body: string };
  let faulty: RemoteStores;
  beforeEach(async () => {
    answer = { status: 200, body: '' };
    proxy = createServer((_request, response) => {
      response.writeHead(answer.status, { 'content-type': 'text/html' }).end(answer.body);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as { port: number };
    const { httpClient } = await import('../src/stores/http.ts');
    const { workspaceAccess } = await import('../src/stores/workspace-access.ts');
    const { remoteOpStore } = await import('../src/stores/op-store.ts');
    const { remoteBlobStore } = await import('../src/stores/blob-store.ts');
    const { remoteSecretStore } = await import('../src/stores/secret-store.ts');
    const http = httpClient(`http://127.0.0.1:${port}`, () => 't');
    const access = workspaceAccess(http, 'opaque');
    faulty = {
      ...stores,
      ops: remoteOpStore(http, access, { maxBodyBytes: 100, maxCallRecords: 10 }),
      blobs: remoteBlobStore(http, access, () => workspace, 1000),
      secrets: remoteSecretStore(http, access, 100),
    };
  });
  afterEach(async () => {
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });

  test.each([
    [404, '<html>not here</html>'],
    [404, '{"error":{"code":"no_such_code"}}'],
    [200, ''],
    [200, '<html>welcome</html>'],
    [500, '{"error":{"code":"not_found","message":"","context":{}}}'],
    [502, ''],
    [401, '<html>sign in</html>'],
  ])('status %i with %j is never an empty answer', async (status, body) => {
    answer = { status, body };
    await expect(faulty.ops.head(workspace)).rejects.toEqual(code('unavailable'));
    await expect(faulty.ops.read(workspace, { limit: 1 })).rejects.toEqual(code('unavailable'));
    await expect(faulty.ops.append(workspace, [record(0)])).rejects.toEqual(code('unavailable'));
    await expect(faulty.ops.workspaces({ limit: 1 })).rejects.toEqual(code('unavailable'));
    await expect(faulty.blobs.get(root, varKey('0'.repeat(32)))).rejects.toEqual(code('unavailable'));
    await expect(faulty.secrets.getAll(workspace)).rejects.toEqual(code('unavailable'));
  });
});
