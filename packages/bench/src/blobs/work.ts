import { createHash, randomBytes } from 'node:crypto';
import { type BlobKey, type ByteSource, staticKey } from '@spacestore/core';

export interface BlobWork {
  readonly key: BlobKey;
  readonly source: ByteSource;
}

/** Content of this size, other than any before, and the key it belongs under. */
export function blobWork(sizeBytes: number): BlobWork {
  const piece = randomBytes(Math.min(sizeBytes, 1 << 20));
  const source: ByteSource = {
    sizeBytes,
    open: async function* () {
      for (let left = sizeBytes; left > 0; left -= piece.length) yield left < piece.length ? piece.subarray(0, left) : piece;
    },
  };
  const hash = createHash('sha256');
  for (let left = sizeBytes; left > 0; left -= piece.length) hash.update(left < piece.length ? piece.subarray(0, left) : piece);
  return { key: staticKey(hash.digest('hex')), source };
}
