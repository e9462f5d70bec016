import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keyFile } from '../src/keys/key-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spacestore-key-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('is made once, readable by its owner alone, and leaves nothing beside it', async () => {
  const path = join(folder, 'deep', 'server.key');
  const keys = await Promise.all(Array.from({ length: 8 }, () => keyFile(path)));
  expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(1);
  expect(keys[0]).toHaveLength(32);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder, 'deep'))).toEqual(['server.key']);
  expect((await readFile(path, 'utf8')).trim()).toBe(Buffer.from(keys[0] as Uint8Array).toString('hex'));
});

it('is refused when others may read it', async () => {
  const path = join(folder, 'k');
  await keyFile(path);
  await chmod(path, 0o640);
  await expect(keyFile(path)).rejects.toMatchObject({ code: 'denied' });
});

it('is refused when it is something else, and stays as it is', async () => {
  const path = join(folder, 'k');
  await writeFile(path, 'hello', { mode: 0o600 });
  await expect(keyFile(path)).rejects.toMatchObject({ code: 'corrupt' });
  expect(await readFile(path, 'utf8')).toBe('hello');
});

it('is refused behind a symbolic link', async () => {
  await keyFile(join(folder, 'real'));
  await symlink(join(folder, 'real'), join(folder, 'link'));
  await expect(keyFile(join(folder, 'link'))).rejects.toMatchObject({ code: 'unavailable' });
});
