import { createHash, timingSafeEqual } from 'node:crypto';
import { StoreError } from '@spacestore/core';
import { type Authenticator, type Identity, maxTokenLength } from './identity.ts';

/** A long-lived token, known here by its digest alone. */
export interface StaticToken {
  /** Lower-case hex sha256 of the token. */
  readonly sha256: string;
  readonly identity: Identity;
}

/** Accepts tokens of a list. Every entry is compared, in constant time, so that time tells nothing of how near a guess was. */
export function staticTokens(tokens: readonly StaticToken[]): Authenticator {
  const known = tokens.map(({ sha256, identity }) => {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new StoreError('invalid', 'auth: a static token is given as its lower-case hex sha256');
    return { digest: Buffer.from(sha256, 'hex'), identity };
  });
  return {
    verify: (token) => {
      const digest = createHash('sha256').update(token.slice(0, maxTokenLength)).digest();
      let found: Identity | undefined;
      for (const entry of known) if (timingSafeEqual(entry.digest, digest) && token.length <= maxTokenLength) found = entry.identity;
      return found ? Promise.resolve(found) : Promise.reject(new StoreError('unauthenticated', 'a valid token is needed'));
    },
  };
}
