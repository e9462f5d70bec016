import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreError } from '@spacestore/core';

/** Bytes kept on this machine's disk for a while, in a file without a name: it is gone with its handle, whatever happens. */
export interface Spool {
  readonly write: (chunk: Uint8Array) => Promise<void>;
  /** From the start, in pieces; a piece is only good until the next. */
  readonly read: () => AsyncGenerator<Uint8Array>;
  readonly close: () => Promise<void>;
}

const pieceBytes = 256 * 1024;

export async function openSpool(): Promise<Spool> {
  const path = join(tmpdir(), `spacestore-${randomUUID()}`);
  const file = await onDisk(async () => {
    const opened = await open(path, 'wx+', 0o600);
    await unlink(path);
    return opened;
  });
  let end = 0;
  return {
    write: (chunk) =>
      onDisk(async () => {
        for (let at = 0; at < chunk.length; ) {
          const { bytesWritten } = await file.write(chunk, at, chunk.length - at, end);
          at += bytesWritten;
          end += bytesWritten;
        }
      }),
    read: () => pieces(file, end),
    close: () => file.close(),
  };
}

async function* pieces(file: FileHandle, end: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < end; ) {
    // A new one each time: what is handed to a socket may still be under way when the next is asked for.
    const { bytesRead, buffer } = await onDisk(() => file.read(Buffer.allocUnsafeSlow(pieceBytes), 0, pieceBytes, at));
    if (bytesRead === 0) throw new StoreError('unavailable', 'the spooled file ends early');
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function onDisk<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    throw new StoreError('unavailable', 'the folder for temporary files can not be written or read', { cause });
  }
}
