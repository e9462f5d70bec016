import { type BlobRoot, bytesSource, eachItem, parseBlobRoot, readAll, staticKey, varKey } from '@spacestore/core';
import { memoryBlobPlace, memoryBlobStore } from '@spacestore/core/memory';
import { describe, expect, it } from 'vitest';
import { bytesOf, chunked, failing, hanging, itemsOf, sha256Hex } from '../streams.ts';

const root = parseBlobRoot('ada/notes');
const uuid = (n: number) => varKey(n.toString(16).padStart(32, '0'));
const body = bytesOf(1000);
const key = staticKey(sha256Hex(body));
const page = { limit: 100 };

async function contentOf(store: ReturnType<typeof memoryBlobStore>, at: BlobRoot, of: typeof key) {
  const content = await store.get(at, of);
  return content && readAll(content.body, 1_000_000);
}

describe('blobs in memory', () => {
  it('give back what was put, from a source that reuses its buffer', async () => {
    const store = memoryBlobStore({ clock: { now: () => 1234 } });
    const info = await store.put(root, key, chunked(body, [400, 0, 600]), { contentType: 'text/plain' });
    expect(info).toEqual({
      key,
      sizeBytes: 1000,
      sha256: sha256Hex(body),
      version: sha256Hex(body),
      modifiedAt: 1234,
      contentType: 'text/plain',
    });
    expect(await store.head(root, key)).toEqual(info);
    expect(await contentOf(store, root, key)).toEqual(body);
    const part = await store.get(root, key, { range: { suffix: 10 } });
    expect(part).toMatchObject({ offset: 990, sizeBytes: 10 });
    expect(part && (await readAll(part.body, 10))).toEqual(body.slice(-10));
  });

  it('take no other content under a hash, and nothing of a put that failed', async () => {
    const store = memoryBlobStore({ maxBlobBytes: 1000 });
    await expect(store.put(root, key, bytesSource(bytesOf(1000, 8)))).rejects.toMatchObject({ code: 'invalid' });
    await expect(store.put(root, uuid(1), bytesSource(bytesOf(1001)))).rejects.toMatchObject({ code: 'too_large' });
    await expect(store.put(root, uuid(1), failing(5, new Error('mine')))).rejects.toThrow('mine');
    const abort = new AbortController();
    const putting = store.put(root, uuid(1), hanging(5).source, {}, { signal: abort.signal });
    abort.abort();
    await expect(putting).rejects.toMatchObject({ code: 'aborted' });
    expect(await store.list(root, page)).toEqual({ items: [] });
  });

  it('replace a version only by who saw it', async () => {
    const store = memoryBlobStore();
    const one = await store.put(root, uuid(1), bytesSource(bytesOf(1)), { ifNoneMatch: '*' });
    await expect(store.put(root, uuid(1), bytesSource(bytesOf(2)), { ifNoneMatch: '*' })).rejects.toMatchObject({
      code: 'conflict',
      context: { version: one.version },
    });
    const two = await store.put(root, uuid(1), bytesSource(bytesOf(2)), { ifMatch: one.version });
    await expect(store.put(root, uuid(1), bytesSource(bytesOf(3)), { ifMatch: one.version })).rejects.toMatchObject({ code: 'conflict' });
    await expect(store.put(root, uuid(2), bytesSource(body), { ifMatch: one.version })).rejects.toMatchObject({ code: 'conflict' });
    await expect(store.delete(root, uuid(1), { ifMatch: one.version })).rejects.toMatchObject({ code: 'conflict' });
    await store.delete(root, uuid(1), { ifMatch: two.version });
    await store.delete(root, uuid(1), { ifMatch: two.version });
    expect(await store.head(root, uuid(1))).toBeUndefined();
  });

  it('let one of two concurrent replacements of a version win', async () => {
    const store = memoryBlobStore();
    const { version } = await store.put(root, uuid(1), bytesSource(bytesOf(1)));
    const results = await Promise.allSettled(
      [2, 3, 4].map((n) => store.put(root, uuid(1), chunked(bytesOf(n), [1, n - 1]), { ifMatch: version })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('are listed in byte order, page by page, by kind', async () => {
    const store = memoryBlobStore();
    const keys = [uuid(3), uuid(1), key, uuid(2)];
    for (const one of keys) await store.put(root, one, bytesSource(body));
    const listed = await itemsOf(eachItem((query) => store.list(root, query), 1));
    expect(listed.map((entry) => entry.key)).toEqual([...keys].sort());
    const mutable = await itemsOf(eachItem((query) => store.list(root, { kind: 'var', ...query }), 2));
    expect(mutable.map((entry) => entry.key)).toEqual([uuid(1), uuid(2), uuid(3)]);
    expect((await store.list(root, { kind: 'var', limit: 1 })).next).toEqual({ kind: 'var', after: uuid(1), limit: 1 });
  });

  it('of a root stay when a root of a similar name is dropped, and are there for a second store on the place', async () => {
    const place = memoryBlobPlace();
    const store = memoryBlobStore({ place });
    const others = [parseBlobRoot('ada/notes2'), parseBlobRoot('ada'), parseBlobRoot('ada/Notes')];
    for (const one of [root, ...others]) await store.put(one, key, bytesSource(body));
    await store.drop(root);
    await store.close();
    await expect(store.head(root, key)).rejects.toMatchObject({ code: 'closed' });
    const again = memoryBlobStore({ place });
    expect(await again.head(root, key)).toBeUndefined();
    for (const one of others) expect(await contentOf(again, one, key)).toEqual(body);
  });

  it('that changed in their place are not delivered', async () => {
    const place = memoryBlobPlace();
    const store = memoryBlobStore({ place });
    await store.put(root, key, bytesSource(body));
    const stored = place.blobs.get(root)?.get(key)?.bytes as Uint8Array;
    stored[500] = (stored[500] as number) ^ 1;
    await expect(contentOf(store, root, key)).rejects.toMatchObject({ code: 'corrupt' });
  });
});
