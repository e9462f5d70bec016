import { StoreError } from '@spacestore/core';
import type { Compression, Inflate } from '@spacestore/core/sync';

/** What every browser can inflate. */
export const compressions: readonly Compression[] = ['deflate'];

/** Gives up beyond `maxBytes`. */
export const inflate: Inflate = async (how, bytes, maxBytes) => {
  if (how !== 'deflate') throw new StoreError('unsupported', `a browser has no ${how}`);
  const stream = new DecompressionStream('deflate-raw');
  const writer = stream.writable.getWriter();
  // Not awaited before reading: both ends wait for each other once the stream is full. A failure shows at the reader as well.
  const written = Promise.allSettled([writer.write(new Uint8Array(bytes)), writer.close()]);
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = (stream.readable as ReadableStream<Uint8Array>).getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > maxBytes) {
      await reader.cancel();
      throw new StoreError('too_large', 'a compressed page unfolds to too much', { context: { maxBytes } });
    }
    parts.push(next.value);
  }
  await written;
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
};

/** Browsers stream a body over HTTP/2 alone: it is gathered first. */
export const streamsUploads = false;
