import { createHash } from 'node:crypto';
import { type BlobKey, type BlobRoot, type BlobStore, type ByteSource, readAll, staticKey, varKey } from '@spacestore/core';

/** The same bytes every time, different for each seed. */
export function bytesOf(length: number, seed = 7): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 7)) & 0xff);
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function keyOf(bytes: Uint8Array): BlobKey {
  return staticKey(sha256Hex(bytes));
}

export function fileKey(n: number): BlobKey {
  return varKey(n.toString(16).padStart(32, '0'));
}

/** The bytes in small chunks, with a turn of the event loop between them; fails in the middle if told so. */
export function slowSource(bytes: Uint8Array, failHalfWay?: Error): ByteSource {
  return {
    open: async function* () {
      const step = Math.max(1, bytes.length >> 3);
      for (let at = 0; at < bytes.length; at += step) {
        await new Promise((resolve) => setImmediate(resolve));
        if (failHalfWay && at >= bytes.length / 2) throw failHalfWay;
        yield bytes.slice(at, at + step);
      }
    },
  };
}

export async function contentOf(store: BlobStore, root: BlobRoot, key: BlobKey): Promise<Uint8Array | undefined> {
  const content = await store.get(root, key);
  return content && readAll(content.body, 64 * 1024 * 1024);
}
