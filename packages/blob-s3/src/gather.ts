import { type ByteSource, type ContentDigest, type DrainOptions, drainSource } from '@spacestore/core';

/** What takes bytes that are too many for one request. */
export interface Overflow {
  readonly write: (chunk: Uint8Array) => Promise<void>;
}

export interface Gathered extends ContentDigest {
  /** The content, unless it went over. */
  readonly bytes: Uint8Array | undefined;
}

/** Drains a source into memory while it has at most `limit` bytes; from the first byte beyond it all goes to the overflow.
 *  Throws: what `drainSource` throws; what the overflow throws. */
export async function gather(source: ByteSource, limit: number, options: DrainOptions, begin: () => Promise<Overflow>): Promise<Gathered> {
  let buffer = new Uint8Array(Math.min(source.sizeBytes ?? 65_536, limit));
  let filled = 0;
  let overflow: Overflow | undefined;
  const digest = await drainSource(source, options, async (chunk) => {
    const total = filled + chunk.length;
    if (overflow === undefined && total > limit) {
      overflow = await begin();
      await overflow.write(buffer.subarray(0, filled));
      buffer = new Uint8Array(0);
    }
    if (overflow !== undefined) return overflow.write(chunk);
    if (total > buffer.length) {
      const larger = new Uint8Array(Math.min(limit, Math.max(total, buffer.length * 2)));
      larger.set(buffer.subarray(0, filled));
      buffer = larger;
    }
    buffer.set(chunk, filled);
    filled = total;
  });
  return { ...digest, bytes: overflow === undefined ? buffer.subarray(0, filled) : undefined };
}
