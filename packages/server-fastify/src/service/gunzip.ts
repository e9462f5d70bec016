import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { StoreError } from '@spacestore/core';

/** The bytes, unpacked if they begin as gzip does. Unpacks no faster than it is read, so a small bomb fills no memory.
 *  Throws: invalid, where the gzip is broken. */
export async function* gunzipped(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = bytes[Symbol.asyncIterator]();
  try {
    const { start, ended } = await firstBytes(chunks);
    const all = (async function* () {
      if (start.length > 0) yield start;
      if (!ended) for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
    })();
    if (start[0] === 0x1f && start[1] === 0x8b) yield* unpack(all);
    else yield* all;
  } finally {
    await chunks.return?.();
  }
}

async function firstBytes(chunks: AsyncIterator<Uint8Array>): Promise<{ start: Uint8Array; ended: boolean }> {
  let start: Uint8Array = new Uint8Array(0);
  while (start.length < 2) {
    const next = await chunks.next();
    if (next.done) return { start, ended: true };
    start = Buffer.concat([start, next.value]);
  }
  return { start, ended: false };
}

async function* unpack(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = Readable.from(packed, { objectMode: false });
  const gunzip = createGunzip();
  source.once('error', (error) => gunzip.destroy(error));
  try {
    for await (const chunk of source.pipe(gunzip)) yield chunk as Uint8Array;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    throw code.startsWith('Z_') ? new StoreError('invalid', 'the gzip data is broken', { cause }) : cause;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}
