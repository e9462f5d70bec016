import { type Clock, StoreError, type UserId } from '@spacestore/core';
import { SignJWT } from 'jose';
import type { TokenScopes } from './identity.ts';
import { checkedSecret } from './secret-strength.ts';

export interface IssueTokenOptions {
  readonly secret: string | Uint8Array;
  readonly issuer: string;
  readonly audience: string;
  readonly user: UserId;
  readonly expiresInSeconds: number;
  readonly scopes?: TokenScopes;
  readonly clock: Clock;
}

/** A token that `jwtAuthenticator` with the same secret, issuer and audience accepts until it expires. */
export async function issueToken(options: IssueTokenOptions): Promise<string> {
  if (!Number.isSafeInteger(options.expiresInSeconds) || options.expiresInSeconds < 1)
    throw new StoreError('invalid', 'a token lives a whole number of seconds, at least 1');
  const now = Math.floor(options.clock.now() / 1000);
  return new SignJWT({ ...options.scopes })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(options.user)
    .setIssuer(options.issuer)
    .setAudience(options.audience)
    .setIssuedAt(now)
    .setExpirationTime(now + options.expiresInSeconds)
    .sign(checkedSecret(options.secret));
}
