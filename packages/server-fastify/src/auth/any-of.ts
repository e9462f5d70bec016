import { hasCode, StoreError } from '@spacestore/core';
import type { Authenticator } from './identity.ts';

/** Accepts what one of several accepts, asked in their order. Keys that can't be fetched are `unavailable`, not a refusal. */
export function anyOf(authenticators: readonly Authenticator[]): Authenticator {
  return {
    verify: async (token) => {
      let failure: unknown = new StoreError('unauthenticated', 'a valid token is needed');
      for (const authenticator of authenticators) {
        try {
          return await authenticator.verify(token);
        } catch (error) {
          if (!hasCode(failure, 'unavailable')) failure = error;
        }
      }
      throw failure;
    },
  };
}
