import { createHash, hash as hashOf } from 'node:crypto';
import type { Sha256 } from './sha256-types.ts';

export function sha256(bytes: Uint8Array): Uint8Array {
  return hashOf('sha256', bytes, 'buffer'); // one step: half the time of an object for it, measured
}

export function createSha256(): Sha256 {
  const hash = createHash('sha256');
  return {
    update: (bytes) => {
      hash.update(bytes);
    },
    digest: () => hash.digest(),
  };
}
