import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import type { Sha256 } from './sha256-types.ts';

export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes);
}

export function createSha256(): Sha256 {
  const hash = nobleSha256.create();
  return {
    update: (bytes) => {
      hash.update(bytes);
    },
    digest: () => hash.digest(),
  };
}
