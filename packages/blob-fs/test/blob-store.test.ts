import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { folderBlobStore } from '@spacestore/blob-fs';
import { type BlobLayout, blobPath, bytesSource, eachItem, parseBlobRoot, readAll } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { bytesOf, contentOf, fileKey, keyOf, sha256Hex, slowSource } from './streams.ts';
import { everythingIn, temporaryFolder } from './temporary-folder.ts';

const root = parseBlobRoot('ada/notes');
const body = bytesOf(300_000);
const key = keyOf(body);

describe('a folder of blobs', () => {
  it.each<BlobLayout>(['object', 'sila'])('keeps contents as plain files only the owner may read, layout %s', async (layout) => {
    const dir = await temporaryFolder();
    const store = await folderBlobStore({ dir: join(dir, 'new', 'place'), layout, clock: { now: () => 1_700_000_000_123 } });
    for (const one of [key, fileKey(1)]) {
      const info = await store.put(root, one, slowSource(body));
      expect(info).toEqual({
        key: one,
        sizeBytes: body.length,
        sha256: sha256Hex(body),
        version: sha256Hex(body),
        modifiedAt: 1_700_000_000_123,
      });
      expect(await store.head(root, one)).toEqual(info);
      expect(await contentOf(store, root, one)).toEqual(body);
      expect(new Uint8Array(await readFile(join(dir, 'new', 'place', root, blobPath(layout, one))))).toEqual(body);
    }
    for (const path of await everythingIn(join(dir, 'new'))) {
      const stats = await stat(join(dir, 'new', path));
      expect([path, stats.mode & 0o777]).toEqual([path, stats.isDirectory() ? 0o700 : 0o600]);
    }
  });

  it('reads stretches of a blob', async () => {
    const store = await folderBlobStore({ dir: await temporaryFolder() });
    await store.put(root, key, bytesSource(body));
    for (const [first, last] of [
      [0, 0],
      [65_535, 65_536],
      [299_999, 400_000],
      [300_000, 300_001],
      [0, 299_999],
    ] as const) {
      const part = await store.get(root, key, { range: { first, last } });
      expect(part && (await readAll(part.body, body.length))).toEqual(body.slice(first, last + 1));
    }
    await expect(store.get(root, key, { range: { first: 2, last: 1 } })).rejects.toMatchObject({ code: 'invalid' });
  });

  it('leaves nothing of a put that failed, and passes on the error of the source as it is', async () => {
    const dir = await temporaryFolder();
    const store = await folderBlobStore({ dir, maxBlobBytes: 1000 });
    const before = await everythingIn(dir);
    const theirs = Object.assign(new Error('their disk'), { code: 'EIO' });
    await expect(store.put(root, fileKey(1), slowSource(bytesOf(500), theirs))).rejects.toBe(theirs);
    await expect(store.put(root, fileKey(1), bytesSource(bytesOf(1001)))).rejects.toMatchObject({ code: 'too_large' });
    await expect(store.put(root, key, bytesSource(bytesOf(500)))).rejects.toMatchObject({ code: 'invalid' });
    const abort = new AbortController();
    const never = {
      open: async function* () {
        yield body.slice(0, 10);
        abort.abort();
        await new Promise(() => undefined);
      },
    };
    await expect(store.put(root, fileKey(1), never, {}, { signal: abort.signal })).rejects.toMatchObject({ code: 'aborted' });
    expect(await everythingIn(dir)).toEqual(before);
  });

  it('shows nothing of a put before it is whole', async () => {
    const dir = await temporaryFolder();
    const store = await folderBlobStore({ dir });
    let goOn = (): void => undefined;
    const waiting = new Promise<void>((resolve) => (goOn = resolve));
    let seen: unknown;
    const source = {
      open: async function* () {
        yield body.slice(0, 200_000);
        seen = [await store.head(root, key), await store.get(root, key), (await store.list(root, { limit: 9 })).items];
        goOn();
        yield body.slice(200_000);
      },
    };
    await Promise.all([store.put(root, key, source), waiting]);
    expect(seen).toEqual([undefined, undefined, []]);
    expect(await contentOf(store, root, key)).toEqual(body);
  });

  it('takes the same content eight times at once, one of them failing half way', async () => {
    const dir = await temporaryFolder();
    const store = await folderBlobStore({ dir });
    const broken = new Error('broken');
    const puts = Array.from({ length: 8 }, (_, i) => store.put(root, key, slowSource(body, i === 3 ? broken : undefined)));
    const results = await Promise.allSettled(puts);
    expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, (_, i) => (i === 3 ? 'rejected' : 'fulfilled')));
    expect((await store.list(root, { limit: 9 })).items).toHaveLength(1);
    expect(await contentOf(store, root, key)).toEqual(body);
    expect(await readdir(join(dir, '.spacestore'))).toEqual([]);
  });

  it('shows a reader the whole old or the whole new content while it is replaced', async () => {
    const store = await folderBlobStore({ dir: await temporaryFolder(), fsync: false });
    const versions = [bytesOf(200_000, 1), bytesOf(150_000, 2), bytesOf(200_000, 3)];
    const hashes = new Set(versions.map(sha256Hex));
    await store.put(root, fileKey(1), bytesSource(versions[0] as Uint8Array));
    let writing = true;
    const write = async (): Promise<void> => {
      for (let i = 1; i <= 60; i++) await store.put(root, fileKey(1), bytesSource(versions[i % 3] as Uint8Array));
      writing = false;
    };
    const seen = new Set<string>();
    const read = async (): Promise<void> => {
      while (writing) {
        const content = await store.get(root, fileKey(1));
        const bytes = content && (await readAll(content.body, 1_000_000));
        expect(bytes && sha256Hex(bytes)).toBe(content?.info.sha256);
        expect(hashes).toContain(content?.info.sha256);
        seen.add(content?.info.sha256 ?? '');
      }
    };
    await Promise.all([write(), read(), read()]);
    expect(seen.size).toBeGreaterThan(1);
  });

  it('lets one of many replacements of a version win', async () => {
    const store = await folderBlobStore({ dir: await temporaryFolder() });
    const created = await Promise.allSettled(
      [1, 2, 3].map((n) => store.put(root, fileKey(1), slowSource(bytesOf(100, n)), { ifNoneMatch: '*' })),
    );
    expect(created.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const version = (await store.head(root, fileKey(1)))?.version ?? '';
    const replaced = await Promise.allSettled(
      [4, 5, 6].map((n) => store.put(root, fileKey(1), slowSource(bytesOf(100, n)), { ifMatch: version })),
    );
    expect(replaced.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of [...created, ...replaced]) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'conflict' });
    await expect(store.delete(root, fileKey(1), { ifMatch: version })).rejects.toMatchObject({ code: 'conflict' });
    await store.delete(root, fileKey(1), { ifMatch: (await store.head(root, fileKey(1)))?.version ?? '' });
    await store.delete(root, fileKey(1), { ifMatch: version });
    expect(await store.head(root, fileKey(1))).toBeUndefined();
  });

  it('lists in byte order, each blob that stays exactly once while others come and go', async () => {
    const store = await folderBlobStore({ dir: await temporaryFolder(), fsync: false });
    const stay = Array.from({ length: 40 }, (_, i) => keyOf(bytesOf(10, i)));
    const mutable = [fileKey(255), fileKey(1)];
    await Promise.all(stay.map((_, i) => store.put(root, stay[i] as typeof key, bytesSource(bytesOf(10, i)))));
    for (const one of mutable) await store.put(root, one, bytesSource(body));
    const listed: string[] = [];
    let n = 100;
    for await (const entry of eachItem((query) => store.list(root, query), 3)) {
      listed.push(entry.key);
      const passing = bytesOf(10, n++);
      await store.put(root, keyOf(passing), bytesSource(passing));
      if (n % 2 === 0) await store.delete(root, keyOf(passing));
    }
    const steady = [...stay, ...mutable].sort();
    expect(listed.filter((one) => steady.includes(one as typeof key))).toEqual(steady);
    expect([...listed].sort()).toEqual(listed);
    const onlyMutable = await store.list(root, { kind: 'var', limit: 1 });
    expect(onlyMutable).toMatchObject({
      items: [{ key: fileKey(1), sizeBytes: body.length }],
      next: { kind: 'var', after: fileKey(1), limit: 1 },
    });
  });

  it('drops a root and nothing beside it, also while somebody puts and reads', async () => {
    const dir = await temporaryFolder();
    const store = await folderBlobStore({ dir });
    const others = ['ada', 'ada/notes2', 'ada/Notes', 'ada/notes/inner', 'adam'].map(parseBlobRoot);
    for (const one of [root, ...others]) for (const at of [key, fileKey(1)]) await store.put(one, at, bytesSource(body));
    const reading = await store.get(root, key);
    await store.drop(root);
    await store.drop(root);
    expect(await store.list(root, { limit: 9 })).toEqual({ items: [] });
    expect(reading && (await readAll(reading.body, body.length))).toEqual(body);
    for (const one of others) for (const at of [key, fileKey(1)]) expect(await contentOf(store, one, at)).toEqual(body);
    for (const one of others) await store.drop(one);
    expect(await everythingIn(dir)).toEqual(['.spacestore']);

    const contents = Array.from({ length: 30 }, (_, i) => bytesOf(50, i));
    const drops = Array.from({ length: 10 }, () => store.drop(root));
    const results = await Promise.allSettled([...contents.map((one) => store.put(root, keyOf(one), slowSource(one))), ...drops]);
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
  });

  it('lets go of what nobody reads to the end', async () => {
    const store = await folderBlobStore({ dir: await temporaryFolder() });
    await store.put(root, key, bytesSource(body));
    const open = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
    const before = await open();
    for (let i = 0; i < 20; i++) {
      const content = await store.get(root, key);
      for await (const chunk of content?.body ?? []) if (chunk.length > 0) break;
      const untouched = await store.get(root, key);
      await untouched?.body[Symbol.asyncIterator]().return?.();
      await store.get(root, key); // freed by the close of the store
    }
    await store.close();
    await store.close();
    expect(await open()).toBe(before);
    await expect(store.head(root, key)).rejects.toMatchObject({ code: 'closed' });
  });

  it('takes mutable files of a folder that somebody else wrote', async () => {
    const dir = await temporaryFolder();
    const store = await folderBlobStore({ dir, layout: 'sila' });
    await store.put(root, fileKey(1), bytesSource(body));
    const path = join(dir, root, blobPath('sila', fileKey(2)));
    await writeFile(path, bytesOf(77));
    expect(await store.head(root, fileKey(2))).toMatchObject({ sizeBytes: 77, sha256: sha256Hex(bytesOf(77)) });
    await store.put(root, fileKey(2), bytesSource(bytesOf(78)), { ifMatch: sha256Hex(bytesOf(77)) });
    expect(await contentOf(store, root, fileKey(2))).toEqual(bytesOf(78));
  });
});
