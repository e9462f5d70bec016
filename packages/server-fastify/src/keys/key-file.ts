import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreError } from '@spacestore/core';

const keyBytes = 32;

/** The 32 random bytes kept in a file of mode 0600, made at first use. Two processes that start at once get the same key.
 *  The file holds them in hex, is on disk when this resolves, and never exists half written.
 *  Throws: denied if others may read it, corrupt if it is not a key, unavailable if it can't be read or made. */
export async function keyFile(path: string): Promise<Uint8Array> {
  const present = await presentKey(path);
  if (present) return present;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(`${randomBytes(keyBytes).toString('hex')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error; // somebody was faster: theirs is the key
    });
    await syncFolder(dirname(path));
  } catch (cause) {
    throw new StoreError('unavailable', `the key file ${path} could not be made`, { cause });
  } finally {
    await rm(temporary, { force: true });
  }
  const made = await presentKey(path);
  if (!made) throw new StoreError('unavailable', `the key file ${path} vanished while it was made`);
  return made;
}

/** The key of a file, if there is one. Throws as `keyFile`. */
export async function presentKey(path: string): Promise<Uint8Array | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw new StoreError('unavailable', `the key file ${path} could not be opened (a symbolic link is refused)`, { cause });
  });
  if (!file) return undefined;
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0) throw new StoreError('denied', `others may read the key file ${path}: chmod 600 it, or make a new key`);
    const text = await file.readFile('utf8');
    if (!/^[0-9a-f]{64}\n?$/.test(text)) throw new StoreError('corrupt', `${path} is not a key file: 64 hex digits are expected`);
    return new Uint8Array(Buffer.from(text.trim(), 'hex'));
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
