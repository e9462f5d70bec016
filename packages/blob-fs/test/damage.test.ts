import { execFile, fork } from 'node:child_process';
import { link, mkdir, readdir, rename, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { folderBlobStore } from '@spacestore/blob-fs';
import { type BlobKey, type BlobRoot, type BlobStore, blobPath, bytesSource, parseBlobRoot, readAll } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { errnoOf, onDisk } from '../src/errors.ts';
import { bytesOf, contentOf, fileKey, keyOf } from './streams.ts';
import { everythingIn, temporaryFolder } from './temporary-folder.ts';

const root = parseBlobRoot('ada/notes');
const body = bytesOf(200_000);
const key = keyOf(body);

async function filled() {
  const dir = await temporaryFolder();
  const store = await folderBlobStore({ dir });
  for (const one of [key, fileKey(1)]) await store.put(root, one, bytesSource(body));
  const path = (of: BlobKey): string => join(dir, root, blobPath('object', of));
  return { dir, store, path };
}

async function lastByte(store: BlobStore, of: BlobKey): Promise<Uint8Array | undefined> {
  const part = await store.get(root, of, { range: { suffix: 1 } });
  return part && readAll(part.body, 1);
}

describe('content that changed on the disk', () => {
  const flip = (path: string) =>
    writeFile(
      path,
      body.map((byte, i) => (i === 123_456 ? byte ^ 1 : byte)),
    );
  it.each([
    ['flipped', flip],
    ['cut', (path: string) => truncate(path, 199_999)],
    ['emptied', (path: string) => truncate(path, 0)],
    ['extended', (path: string) => truncate(path, 200_001)],
  ])('is told when it is read, static or mutable: %s', async (_, damage) => {
    const { store, path } = await filled();
    for (const one of [key, fileKey(1)]) {
      expect(await lastByte(store, one)).toEqual(body.slice(-1)); // found good before
      await damage(path(one));
      await expect(contentOf(store, root, one)).rejects.toMatchObject({ code: 'corrupt' });
      await expect(lastByte(store, one)).rejects.toMatchObject({ code: 'corrupt' });
      await store.put(root, one, bytesSource(body)); // mended by the next put
      expect(await contentOf(store, root, one)).toEqual(body);
    }
  });
});

describe('symbolic links and other things that are no files', () => {
  const everyCall = (store: Awaited<ReturnType<typeof folderBlobStore>>, at: BlobRoot, of: BlobKey) => [
    () => store.get(at, of),
    () => store.head(at, of),
    () => store.put(at, of, bytesSource(body)),
    () => store.delete(at, of),
    () => store.list(at, { limit: 9 }),
  ];

  it.each([
    ['the root', root],
    ['its parent', 'ada'],
    ['a folder of keys', `${root}/files/static`],
    ['a folder of two digits', dirname(`${root}/${blobPath('object', key)}`)],
  ])('are not followed: %s', async (_, link) => {
    const { dir, store } = await filled();
    const outside = await temporaryFolder();
    await rename(join(dir, link), join(outside, 'moved'));
    await symlink(join(outside, 'moved'), join(dir, link));
    const before = await everythingIn(outside);
    for (const call of everyCall(store, root, key)) await expect(call()).rejects.toMatchObject({ code: 'corrupt' });
    if (root.startsWith(link)) await expect(store.drop(root)).rejects.toMatchObject({ code: 'corrupt' });
    else await store.drop(root);
    expect(await everythingIn(outside)).toEqual(before);
  });

  it.each<[string, (path: string, outside: string) => Promise<unknown>]>([
    ['a link', (path, outside) => symlink(outside, path)],
    ['a link to nothing', (path, outside) => symlink(`${outside}-none`, path)],
    ['a named pipe', (path) => promisify(execFile)('mkfifo', [path])],
    ['a folder', (path) => mkdir(path)],
  ])('are refused in the place of a file: %s', async (_, make) => {
    const { store, path } = await filled();
    const outside = join(await temporaryFolder(), 'file');
    await writeFile(outside, body);
    for (const one of [key, fileKey(1)]) {
      await store.delete(root, one);
      await make(path(one), outside);
      for (const call of everyCall(store, root, one)) await expect(call()).rejects.toMatchObject({ code: 'corrupt' });
      await rename(path(one), `${outside}.${one.slice(0, 3)}`);
    }
    await store.put(root, key, bytesSource(body));
    expect(await contentOf(store, root, key)).toEqual(body);
  });
});

describe('names that would lead elsewhere', () => {
  it.each(['..', '.', 'a/..', '/etc', 'a//b', 'a\\..\\b', '.spacestore', 'a\0', 'a%2e%2e', ''])(
    'are refused as a root: %j',
    async (name) => {
      const { store } = await filled();
      await expect(store.put(name as BlobRoot, key, bytesSource(body))).rejects.toMatchObject({ code: 'invalid' });
      await expect(store.drop(name as BlobRoot)).rejects.toMatchObject({ code: 'invalid' });
    },
  );
  it.each(['static/../../x', `static/${'A'.repeat(64)}`, 'var/..', 'var/', `var/${'0'.repeat(31)}/`])(
    'are refused as a key: %j',
    async (name) => {
      const { store } = await filled();
      await expect(store.get(root, name as BlobKey)).rejects.toMatchObject({ code: 'invalid' });
      await expect(store.delete(root, name as BlobKey)).rejects.toMatchObject({ code: 'invalid' });
    },
  );
});

describe('a writer that was killed', () => {
  it('leaves nothing visible, and its half file goes when the folder is opened again', async () => {
    const dir = await temporaryFolder();
    const child = fork(new URL('./half-put.child.ts', import.meta.url), [dir], { execArgv: ['--conditions=@spacestore/source'] });
    await new Promise((resolve) => child.once('message', resolve));
    const whileAlive = await folderBlobStore({ dir });
    expect(await readdir(join(dir, '.spacestore'))).toHaveLength(1); // a living writer keeps its file
    await whileAlive.close();
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    const store = await folderBlobStore({ dir });
    expect(await readdir(join(dir, '.spacestore'))).toEqual([]);
    expect(await store.list(root, { limit: 9 })).toEqual({ items: [] });
  });

  it('on a machine that can’t be asked leaves a file that goes by its age, dropped roots too', async () => {
    const { dir } = await filled();
    const work = join(dir, '.spacestore');
    await writeFile(join(work, 'elsewhere-1-new'), 'x');
    await writeFile(join(work, 'elsewhere-1-old'), 'x');
    await mkdir(join(work, 'elsewhere-1-dropped'));
    await link(join(work, 'elsewhere-1-old'), join(work, 'elsewhere-1-dropped', 'blob'));
    const longAgo = Date.now() / 1000 - 3600;
    for (const name of ['elsewhere-1-old', 'elsewhere-1-dropped']) await utimes(join(work, name), longAgo, longAgo);
    const store = await folderBlobStore({ dir, tempTtlMs: 1_800_000 });
    expect(await readdir(work)).toEqual(['elsewhere-1-new']);
    expect(await contentOf(store, root, key)).toEqual(body);
  });
});

describe('an error of the file system', () => {
  it.each([
    ['ENOSPC', 'unavailable'],
    ['EIO', 'unavailable'],
    ['EACCES', 'unavailable'],
    ['EMFILE', 'busy'],
    ['EWHATEVER', 'unavailable'],
  ])('%s is %s, with its cause', async (errno, code) => {
    const cause = Object.assign(new Error(errno), { code: errno });
    await expect(onDisk(() => Promise.reject(cause))).rejects.toMatchObject({ code, cause, context: { errno } });
  });

  it('is told apart from a mistake in the program', async () => {
    const mistake = Object.assign(new TypeError('x'), { code: 'ERR_INVALID_ARG_TYPE' });
    expect(errnoOf(mistake)).toBeUndefined();
    await expect(onDisk(() => Promise.reject(mistake))).rejects.toBe(mistake);
  });
});
