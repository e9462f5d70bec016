import { createHash } from 'node:crypto';
import { type BlobKey, type BlobRoot, type BlobStore, type ByteRange, readAll, staticKey, varKey } from '@spacestore/core';

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

export async function contentOf(store: BlobStore, root: BlobRoot, key: BlobKey, range?: ByteRange): Promise<Uint8Array | undefined> {
  const content = await store.get(root, key, range && { range });
  return content && new Uint8Array(await readAll(content.body, 64 * 1024 * 1024));
}
