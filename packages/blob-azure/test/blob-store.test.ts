import { BlobServiceClient } from '@azure/storage-blob';
import { azureBlobStore } from '@spacestore/blob-azure';
import { type BlobKey, blobPath, bytesSource, parseBlobRoot, readAll } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { stretchesAfter } from '../src/list-blobs.ts';
import { leastPermissions, newContainer, sasOf } from './support/azurite.ts';
import { bytesOf, contentOf, fileKey, keyOf, sha256Hex } from './support/contents.ts';

const root = parseBlobRoot('ada/notes');
const body = bytesOf(100_000);
const key = keyOf(body);

async function filled(options: { readonly blockBytes?: number; readonly prefix?: string } = {}) {
  const place = await newContainer();
  const container = BlobServiceClient.fromConnectionString(place.connectionString).getContainerClient(place.container);
  const store = await azureBlobStore({ ...place, ...options });
  for (const one of [key, fileKey(1)]) await store.put(root, one, bytesSource(body), { contentType: 'image/png' });
  const names = async (): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { name } of container.listBlobsFlat()) found.push(name);
    return found;
  };
  return { place, container, store, names };
}

describe('a blob on Azure', () => {
  it.each([{}, { prefix: 'some/place' }, { blockBytes: 7_000 }])(
    'lies where its key says, with what proves it beside it: %j',
    async (options) => {
      const { container, store, names } = await filled(options);
      const below = 'prefix' in options ? `${options.prefix}/` : '';
      expect(await names()).toEqual([key, fileKey(1)].map((one) => `${below}${root}/${blobPath('object', one)}`));
      for (const name of await names()) {
        const { contentType, metadata } = await container.getBlobClient(name).getProperties();
        expect({ contentType, ...metadata }).toEqual({
          contentType: 'image/png',
          type: 'image%2Fpng',
          sha256: sha256Hex(body),
          size: '100000',
          put: expect.stringMatching(/^[0-9a-f-]{36}$/),
        });
      }
      expect(await contentOf(store, root, key)).toEqual(body);
    },
  );

  it('that a tool put there without a hash is taken if its key is one, and corrupt if not', async () => {
    const { container, store } = await filled();
    const theirs = bytesOf(500);
    for (const one of [keyOf(theirs), fileKey(2)])
      await container.getBlockBlobClient(`${root}/${blobPath('object', one)}`).upload(theirs, theirs.length);
    expect(await contentOf(store, root, keyOf(theirs))).toEqual(theirs);
    await expect(store.head(root, fileKey(2))).rejects.toMatchObject({ code: 'corrupt' });
    await expect(contentOf(store, root, fileKey(2))).rejects.toMatchObject({ code: 'corrupt' });
  });

  it('that was cut is mended by the next put of the same content', async () => {
    const { container, store } = await filled();
    const blob = container.getBlockBlobClient(`${root}/${blobPath('object', key)}`);
    const { metadata = {} } = await blob.getProperties();
    await blob.upload(body.subarray(0, 9), 9, { metadata });
    for (const range of [undefined, { suffix: 1 }] as const)
      await expect(contentOf(store, root, key, range)).rejects.toMatchObject({ code: 'corrupt' });
    await store.put(root, key, bytesSource(body));
    expect(await contentOf(store, root, key)).toEqual(body);
  });

  it('is not sent again when it is there, nor when a condition rules it out', async () => {
    const { store, container } = await filled({ blockBytes: 7_000 });
    const before = await store.head(root, key);
    expect(await store.put(root, key, bytesSource(body))).toEqual(before);
    for (const condition of [{ ifNoneMatch: '*' } as const, { ifMatch: 'another' }, { ifMatch: '*' }, { ifMatch: 'line\r\nbreak' }])
      await expect(store.put(root, fileKey(1), bytesSource(body), condition)).rejects.toMatchObject({ code: 'conflict' });
    for (const one of [key, fileKey(1)]) {
      const { uncommittedBlocks } = await container.getBlockBlobClient(`${root}/${blobPath('object', one)}`).getBlockList('uncommitted');
      expect(uncommittedBlocks ?? []).toEqual([]);
    }
  });

  it('is put whole though another put of it is committed in between, and throws its blocks away', async () => {
    const { place, store } = await filled();
    const inBlocks = await azureBlobStore({ ...place, blockBytes: 7_000 });
    let between = 0;
    const source = {
      open: async function* () {
        yield body.slice(0, 50_000);
        if (between++ < 2) await inBlocks.put(root, fileKey(1), bytesSource(bytesOf(8_000, between)));
        yield body.slice(50_000);
      },
    };
    const info = await inBlocks.put(root, fileKey(1), source);
    expect(between).toBe(3); // its source was read again each time
    expect(await store.head(root, fileKey(1))).toEqual(info);
    expect(await contentOf(store, root, fileKey(1))).toEqual(body);
  });

  it('never mixes the blocks of two puts', async () => {
    const { place, container } = await filled();
    const blob = container.getBlockBlobClient(`${root}/${blobPath('object', fileKey(3))}`);
    const store = await azureBlobStore({ ...place, blockBytes: 7_000 });
    const [mine, theirs] = [bytesOf(50_000, 1), bytesOf(50_000, 2)];
    let otherPut: Promise<unknown> = Promise.resolve();
    const source = {
      open: async function* () {
        yield mine.slice(0, 20_000);
        otherPut = store.put(root, fileKey(3), {
          open: async function* () {
            yield theirs.slice(0, 49_000); // all but the last of its blocks are there before the first put is committed
            await first;
            yield theirs.slice(49_000);
          },
        });
        const staged = async () => (await blob.getBlockList('uncommitted')).uncommittedBlocks?.length;
        await expect.poll(staged, { timeout: 10_000 }).toBe(2 + 6);
        yield mine.slice(20_000);
      },
    };
    const first = store.put(root, fileKey(3), source);
    await first;
    expect(await contentOf(store, root, fileKey(3))).toEqual(mine);
    await otherPut;
    expect(await contentOf(store, root, fileKey(3))).toEqual(theirs);
  });

  it('is put where blocks of a put that failed still lie', async () => {
    const { place, store } = await filled();
    const inBlocks = await azureBlobStore({ ...place, blockBytes: 7_000 });
    const broken = {
      open: async function* () {
        yield body;
        throw new Error('the source broke');
      },
    };
    for (const bytes of [new Uint8Array(), bytesOf(10, 8)])
      for (const to of [keyOf(bytes), fileKey(20 + bytes.length)]) {
        await expect(inBlocks.put(root, to, broken)).rejects.toThrow('the source broke');
        await store.put(root, to, bytesSource(bytes), { ifNoneMatch: '*' });
        expect(await contentOf(store, root, to)).toEqual(bytes);
      }
  });

  it('that somebody holds a lease on is busy', async () => {
    const { container, store } = await filled();
    await container
      .getBlobClient(`${root}/${blobPath('object', fileKey(1))}`)
      .getBlobLeaseClient()
      .acquireLease(15);
    await expect(store.put(root, fileKey(1), bytesSource(bytesOf(9)))).rejects.toMatchObject({ code: 'busy' });
    await expect(store.delete(root, fileKey(1))).rejects.toMatchObject({ code: 'busy' });
    expect(await contentOf(store, root, fileKey(1))).toEqual(body);
  });

  it('is read as it was when its body was asked for, or not at all', async () => {
    const { store } = await filled();
    const content = await store.get(root, fileKey(1), { range: { first: 0, last: 50_000 } });
    await store.put(root, fileKey(1), bytesSource(bytesOf(100_000, 3)));
    expect(content && new Uint8Array(await readAll(content.body, 50_001))).toEqual(body.slice(0, 50_001));
  });
});

describe('a listing', () => {
  it('goes on after any key, whatever lies before it', async () => {
    const { store } = await filled();
    const keys: BlobKey[] = [key, fileKey(1)];
    for (let n = 0; n < 40; n++) {
      const one = n % 2 ? keyOf(bytesOf(50, n)) : fileKey(n * 0x1234567);
      await store.put(root, one, bytesSource(bytesOf(50, n)));
      keys.push(one);
    }
    const sorted = [...new Set(keys)].sort();
    for (const after of [...sorted, 'static/', 'var/', 'static/7', 'var/zz', '', 'zzz', 'a']) {
      const { items } = await store.list(root, { after, limit: 100 });
      expect(items.map((item) => item.key)).toEqual(sorted.filter((one) => one > after));
    }
  });

  it('asks for few stretches', () => {
    expect(stretchesAfter('static', '')).toEqual(['']);
    expect(stretchesAfter('var', 'static/ff')).toEqual(['']);
    expect(stretchesAfter('static', 'var/00')).toEqual([]);
    expect(stretchesAfter('static', 'static/fe1')).toEqual(['fe', 'ff']);
    expect(stretchesAfter('static', `static/${'0'.repeat(64)}`)).toHaveLength(31);
  });
});

describe('a root', () => {
  it('is dropped with what was sent and not committed, and roots inside and beside it stay', async () => {
    const { store, names } = await filled();
    const others = ['ada', 'ada/notes2', 'ada/notes/files/static', 'ada/notes/files'].map(parseBlobRoot);
    const send = async (at: typeof root): Promise<void> => {
      const { url, headers } = await store.presign(at, key, { method: 'PUT', expiresInMs: 60_000, sizeBytes: body.length });
      expect((await fetch(url, { method: 'PUT', headers, body })).status).toBe(201);
    };
    for (const at of others) await store.put(at, key, bytesSource(body));
    for (const at of [root, ...others]) await send(at);
    const before = await names();
    await store.drop(root);
    const own = new RegExp(`^(\\.incoming/)?${root}/files/(static|var)/[0-9a-f]{2}/`);
    expect(await names()).toEqual(before.filter((name) => !own.test(name)));
    expect(before.filter((name) => own.test(name))).toHaveLength(3);
    for (const at of others) expect(await contentOf(store, at, key)).toEqual(body);
  });

  it('whose names would be longer than the service takes is invalid', async () => {
    const { store } = await filled();
    const long = parseBlobRoot(Array.from({ length: 8 }, () => 'x'.repeat(128)).join('/'));
    await expect(store.put(long, key, bytesSource(body))).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('the way in', () => {
  it.each([
    {},
    { url: 'https://x.blob.core.windows.net', connectionString: 'UseDevelopmentStorage=true' },
    { url: 'https://x.blob.core.windows.net', accountKey: 'AAAA', sas: 'sv=1' },
    { connectionString: 'nonsense;AccountKey=c2VjcmV0' },
    { url: 'nowhere', accountKey: 'AAAA' },
    { connectionString: 'UseDevelopmentStorage=true', prefix: '../x' },
  ])('is one and no other: %j', async (options) => {
    const problem = await azureBlobStore({ container: 'c', ...options }).catch((error: unknown) => error);
    expect(problem).toMatchObject({ code: 'invalid' });
    expect(String(problem)).not.toContain('c2VjcmV0');
  });

  it('may be a key beside a URL', async () => {
    const { place } = await filled();
    const { url } = BlobServiceClient.fromConnectionString(place.connectionString);
    const [, accountKey = ''] = /AccountKey=([^;]*)/.exec(place.connectionString) ?? [];
    const store = await azureBlobStore({ url, accountKey, container: place.container });
    expect(store.capabilities.presign).toBe(true);
    expect(await contentOf(store, root, key)).toEqual(body);
  });

  it('to a container that is not there fails at once', async () => {
    const { place } = await filled();
    await expect(azureBlobStore({ ...place, container: 'nowhere' })).rejects.toMatchObject({ code: 'unavailable' });
  });

  it.each([
    ['r', /^(put|put over|delete)$/],
    ['c', /^(put over|delete|get)$/],
    ['w', /^delete|get$/],
    ['d', /^(put|put over|get)$/],
    ['', /./],
  ])('with a SAS for %s and listing alone refuses the rest, and leaves what is there', async (permission, refused) => {
    const { place, store } = await filled();
    const limited = await azureBlobStore({ ...(await sasOf(place, `${permission}l`)), retries: 0 });
    const calls = {
      get: () => contentOf(limited, root, key),
      put: () => limited.put(root, fileKey(2), bytesSource(body)),
      'put over': () => limited.put(root, fileKey(1), bytesSource(body)),
      delete: () => limited.delete(root, key),
    };
    for (const [name, call] of Object.entries(calls)) {
      const outcome = await call().then(
        () => 'done',
        (error: { code: string }) => error.code,
      );
      expect([name, outcome]).toEqual([name, refused.test(name) ? 'unavailable' : 'done']);
    }
    expect(await contentOf(store, root, fileKey(1))).toEqual(body);
  });

  it('without the right to list does not open', async () => {
    const { place } = await filled();
    await expect(azureBlobStore({ ...(await sasOf(place, 'rcwd')), retries: 0 })).rejects.toMatchObject({ code: 'unavailable' });
    await azureBlobStore(await sasOf(place, leastPermissions));
  });
});

describe('a URL for sending', () => {
  it('makes one blob once, and none beside it', async () => {
    const { store, names } = await filled();
    const fresh = bytesOf(300, 5);
    const { url, headers } = await store.presign(root, keyOf(fresh), { method: 'PUT', expiresInMs: 60_000, sizeBytes: 300 });
    const send = async (bytes: Uint8Array): Promise<number> =>
      (await fetch(url, { method: 'PUT', headers, body: Uint8Array.from(bytes) })).status;
    expect(await send(fresh)).toBe(201);
    expect(await send(bytesOf(300, 6))).toBe(403);
    expect((await names()).filter((name) => !name.startsWith('.incoming/'))).toHaveLength(2);
  });

  it('is committed once, however many try', async () => {
    const { place, names } = await filled();
    const store = await azureBlobStore({ ...place, blockBytes: 50 });
    for (const [to, bytes] of [
      [fileKey(9), bytesOf(300, 5)],
      [keyOf(bytesOf(300, 6)), bytesOf(300, 6)],
    ] as const) {
      const { url, headers, upload = '' } = await store.presign(root, to, { method: 'PUT', expiresInMs: 60_000, sizeBytes: 300 });
      await fetch(url, { method: 'PUT', headers, body: Uint8Array.from(bytes) });
      const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => store.commit(root, to, upload)));
      for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'busy' });
      expect(await store.commit(root, to, upload)).toEqual(await store.head(root, to));
      expect(await contentOf(store, root, to)).toEqual(bytes);
    }
    expect((await names()).filter((name) => name.startsWith('.incoming/'))).toEqual([]);
  });

  it('keeps its type, and an upload whose type was changed to what is none is invalid', async () => {
    const { store } = await filled();
    const options = { method: 'PUT', expiresInMs: 60_000, sizeBytes: 3, contentType: 'text/plain; charset=utf-8' } as const;
    const { url, headers, upload = '' } = await store.presign(root, fileKey(9), options);
    await fetch(url, { method: 'PUT', headers, body: Uint8Array.of(1, 2, 3) });
    const forged = `${upload.split('.').slice(0, 2).join('.')}.${Buffer.from('a\r\nb').toString('base64url')}`;
    await expect(store.commit(root, fileKey(9), forged)).rejects.toMatchObject({ code: 'invalid' });
    expect(await store.commit(root, fileKey(9), upload)).toMatchObject({ contentType: 'text/plain; charset=utf-8' });
  });
});
