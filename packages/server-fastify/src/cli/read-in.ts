import { constants, createReadStream } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { StoreError } from '@spacestore/core';
import type { SizedBytes } from './target.ts';

/** The bytes of a file, or of standard input for `-`; their number where it is known. That the file can be read is known before anything is done with it.
 *  Throws: invalid. */
export async function readIn(path: string): Promise<SizedBytes> {
  if (path === '-') return { bytes: process.stdin };
  const found = await stat(path).catch((cause: unknown) => Promise.reject(unreadable(path, cause)));
  if (found.isDirectory()) throw new StoreError('invalid', `${path} is a folder: name a file`);
  await access(path, constants.R_OK).catch((cause: unknown) => Promise.reject(unreadable(path, cause)));
  return { bytes: opened(path), ...(found.isFile() && { sizeBytes: found.size }) };
}

/** Opened when it is read: a stream that nobody reads would throw its failure at nobody. */
async function* opened(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path) as AsyncIterable<Uint8Array>;
}

function unreadable(path: string, cause: unknown): StoreError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  const why = code === 'ENOENT' ? 'it is not there' : code === 'EACCES' ? 'you may not read it' : code;
  return new StoreError('invalid', `the file ${path} can not be read: ${why}`, { cause });
}
