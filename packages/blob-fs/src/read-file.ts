import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type ByteSpan, type ContentDigest, drainSource, StoreError, verifiedBody } from '@spacestore/core';
import { errnoOf, notOurs, onDisk, unlessMissing } from './errors.ts';

const chunkBytes = 64 * 1024;

export interface OpenedFile {
  readonly file: FileHandle;
  readonly sizeBytes: number;
  readonly ino: bigint;
  readonly modifiedAt: number;
  /** Differs after every change of the file. */
  readonly stamp: string;
}

/** The file, opened for reading, or undefined. Throws: corrupt for anything but a real file. */
export async function openFile(path: string): Promise<OpenedFile | undefined> {
  // Not blocking: a named pipe would otherwise hold a thread until somebody writes to it.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await unlessMissing(open(path, flags)).catch((error: unknown) => {
    throw errnoOf(error) === 'ELOOP' ? notOurs('a symbolic link') : error;
  });
  if (!file) return undefined;
  try {
    const stats = await file.stat({ bigint: true });
    if (!stats.isFile()) throw notOurs('something that is not a file');
    const { dev, ino, size, mtimeNs, ctimeNs } = stats;
    const stamp = `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
    return { file, sizeBytes: Number(size), ino, modifiedAt: Math.round(Number(mtimeNs) / 1e6), stamp };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Length and hash of what an open file holds, read from its start. */
export function digestOf(opened: OpenedFile): Promise<ContentDigest> {
  const open = (): AsyncIterable<Uint8Array> => stretch(opened.file, { offset: 0, sizeBytes: opened.sizeBytes });
  return drainSource({ open }, { maxBytes: Number.MAX_SAFE_INTEGER }, () => undefined);
}

/** A stretch of an open file, read once. With `expected`, the whole content is checked against it. `release` runs once, at the end or
 *  when the reader leaves, also before its first step (a generator alone would not notice that). */
export function fileBody(
  file: FileHandle,
  span: ByteSpan,
  expected: ContentDigest | undefined,
  body: { readonly started: () => void; readonly release: () => Promise<void> },
): AsyncIterable<Uint8Array> {
  const plain = stretch(file, span);
  const chunks = expected ? verifiedBody(plain, expected) : plain;
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        body.started();
        try {
          const next = await chunks.next();
          if (next.done) await body.release();
          return next;
        } catch (error) {
          await body.release();
          throw error;
        }
      },
      return: async () => {
        await chunks.return(undefined);
        await body.release();
        return { done: true, value: undefined };
      },
    }),
  };
}

async function* stretch(file: FileHandle, { offset, sizeBytes }: ByteSpan): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < sizeBytes; ) {
    const chunk = new Uint8Array(Math.min(chunkBytes, sizeBytes - at));
    const { bytesRead } = await onDisk(() => file.read(chunk, 0, chunk.length, offset + at));
    if (bytesRead === 0) throw new StoreError('corrupt', 'the file became shorter while it was read');
    at += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}
