import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { StoreError } from '@spacestore/core';

/** Writes a stream to a file, or to standard output for `-`. The file appears only when it is whole and on disk. Resolves with its bytes.
 *  Throws: invalid, if there is no such folder or nothing may be made in it. */
export async function writeOut(path: string, bytes: AsyncIterable<Uint8Array>): Promise<number> {
  let total = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      total += chunk.length;
      yield chunk;
    }
  };
  if (path === '-') {
    await pipeline(counted, process.stdout, { end: false });
    return total;
  }
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'wx', 0o600).catch((cause: unknown) => {
    throw new StoreError('invalid', `the file ${path} can not be made in ${dirname(path)} (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    });
  });
  try {
    for await (const chunk of counted()) await file.writeFile(chunk);
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  return total;
}
