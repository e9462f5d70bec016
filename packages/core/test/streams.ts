import { createHash } from 'node:crypto';
import type { ByteSource } from '@spacestore/core';

/** The same bytes every time, without a pattern of a power of two. */
export function bytesOf(length: number, seed = 7): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 7)) & 0xff);
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Yields the bytes in chunks of these sizes, always from the same buffer: whoever keeps a chunk sees it change. */
export function chunked(bytes: Uint8Array, sizes: readonly number[]): ByteSource {
  return {
    open: async function* () {
      const buffer = new Uint8Array(Math.max(1, ...sizes));
      let at = 0;
      for (const size of sizes.filter((one) => one >= 0)) {
        buffer.set(bytes.subarray(at, at + size));
        yield buffer.subarray(0, Math.min(size, bytes.length - at));
        at += size;
        buffer.fill(0xee);
      }
    },
  };
}

/** Yields some bytes, then fails. */
export function failing(sizeBytes: number, error: unknown): ByteSource {
  return {
    open: async function* () {
      yield bytesOf(sizeBytes);
      throw error;
    },
  };
}

/** Yields some bytes, then never anything again; tells whether its reader left. */
export function hanging(sizeBytes: number): { readonly source: ByteSource; readonly left: () => boolean } {
  let left = false;
  const chunks = [bytesOf(sizeBytes)];
  const iterator: AsyncIterator<Uint8Array> = {
    next: () => {
      const value = chunks.shift();
      return value ? Promise.resolve({ done: false, value }) : new Promise<never>(() => undefined);
    },
    return: async () => {
      left = true;
      return { done: true, value: undefined };
    },
  };
  return { source: { open: () => ({ [Symbol.asyncIterator]: () => iterator }) }, left: () => left };
}

export async function itemsOf<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}
