import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { type ByteSource, type ContentDigest, type DrainOptions, drainSource } from '@spacestore/core';
import { onDisk } from './errors.ts';

export interface WriteOptions extends DrainOptions {
  readonly fsync: boolean;
  /** Milliseconds since 1970, the time the file will show. */
  readonly modifiedAt: () => number;
}

export interface WrittenFile extends ContentDigest {
  readonly ino: bigint;
  readonly modifiedAt: number;
}

/** The source's bytes are in a new file of mode 0600 and on disk; after a failure there is no file.
 *  Throws: what `drainSource` throws; unavailable, busy. */
export async function writeNewFile(path: string, source: ByteSource, options: WriteOptions): Promise<WrittenFile> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await onDisk(() => open(path, flags, 0o600));
  try {
    const digest = await drainSource(source, options, (chunk) => onDisk(() => writeFully(file, chunk)));
    return await onDisk(async () => {
      const modifiedAt = options.modifiedAt();
      await file.utimes(modifiedAt / 1000, modifiedAt / 1000);
      if (options.fsync) await file.sync();
      const { ino } = await file.stat({ bigint: true });
      await file.close();
      return { ...digest, ino, modifiedAt };
    });
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
}

async function writeFully(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
}
