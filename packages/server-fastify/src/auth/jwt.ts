import { type Clock, isStoreError, parseUserId, parseWorkspaceId, type Role, StoreError } from '@spacestore/core';
import {
  type CryptoKey,
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  importJWK,
  importSPKI,
  type JSONWebKeySet,
  type JWK,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { roles } from '../permissions.ts';
import { type Authenticator, type Identity, maxTokenLength, type TokenScopes } from './identity.ts';
import { checkedSecret } from './secret-strength.ts';

export type AsymmetricAlgorithm = 'EdDSA' | 'ES256' | 'RS256';

/** Where the key comes from. The algorithm follows from it and is never taken from a token. */
export type JwtKeySource =
  | { readonly kind: 'secret'; readonly secret: string | Uint8Array }
  | { readonly kind: 'public-key'; readonly algorithm: AsymmetricAlgorithm; readonly pem: string }
  | { readonly kind: 'public-key'; readonly algorithm: AsymmetricAlgorithm; readonly jwk: JWK }
  | { readonly kind: 'jwks'; readonly algorithms: readonly AsymmetricAlgorithm[]; readonly url: string }
  | { readonly kind: 'jwks'; readonly algorithms: readonly AsymmetricAlgorithm[]; readonly keys: JSONWebKeySet };

export interface JwtOptions {
  readonly key: JwtKeySource;
  readonly issuer: string;
  readonly audience: string;
  readonly clock: Clock;
  /** Seconds that clocks may differ. Default 5. */
  readonly toleranceSeconds?: number;
}

type ResolvedKey = { readonly key: CryptoKey | Uint8Array | JWTVerifyGetKey; readonly algorithms: readonly string[] };

/** Accepts signed tokens of one issuer for one audience, with an expiry. Throws: invalid, if the key is not fit for its algorithm. */
export async function jwtAuthenticator(options: JwtOptions): Promise<Authenticator> {
  const { key, algorithms } = await resolveKey(options.key);
  const getKey: JWTVerifyGetKey = typeof key === 'function' ? key : () => key;
  return {
    verify: async (token) => {
      if (token.length > maxTokenLength) throw refused();
      try {
        const { payload } = await jwtVerify(token, getKey, {
          algorithms: [...algorithms],
          issuer: options.issuer,
          audience: options.audience,
          clockTolerance: options.toleranceSeconds ?? 5,
          currentDate: new Date(options.clock.now()),
          requiredClaims: ['exp', 'sub'],
        });
        return identityOf(payload);
      } catch (cause) {
        throw asRefusal(cause);
      }
    },
  };
}

async function resolveKey(source: JwtKeySource): Promise<ResolvedKey> {
  switch (source.kind) {
    case 'secret':
      return { key: checkedSecret(source.secret), algorithms: ['HS256'] };
    case 'public-key':
      return { key: await importPublicKey(source), algorithms: [source.algorithm] };
    case 'jwks':
      return {
        key: 'url' in source ? remoteKeys(source.url) : createLocalJWKSet(publicKeysOnly(source.keys)),
        algorithms: source.algorithms,
      };
  }
}

async function importPublicKey(source: Extract<JwtKeySource, { kind: 'public-key' }>): Promise<CryptoKey> {
  const unfit = (cause?: unknown): StoreError =>
    new StoreError('invalid', `auth: the public key does not fit ${source.algorithm} (a PEM SubjectPublicKeyInfo or a public JWK)`, {
      cause,
    });
  try {
    if ('pem' in source) return await importSPKI(source.pem, source.algorithm);
    if ('d' in source.jwk || source.jwk.kty === 'oct') throw unfit();
    const key = await importJWK(source.jwk, source.algorithm);
    if (key instanceof Uint8Array) throw unfit();
    return key;
  } catch (cause) {
    throw isStoreError(cause) ? cause : unfit(cause);
  }
}

/** A symmetric key in a key set would let whoever reads the set sign tokens. */
function publicKeysOnly(set: JSONWebKeySet): JSONWebKeySet {
  if (set.keys.some((key) => key.kty === 'oct' || 'd' in key)) throw new StoreError('invalid', 'auth: a key set holds public keys only');
  return set;
}

function remoteKeys(url: string): JWTVerifyGetKey {
  const parsed = new URL(url);
  if (parsed.protocol !== 'https:' && !['127.0.0.1', 'localhost', '[::1]'].includes(parsed.hostname))
    throw new StoreError('invalid', 'auth: a key set is fetched by https only');
  return createRemoteJWKSet(parsed, { timeoutDuration: 5000, cooldownDuration: 30_000 });
}

function identityOf(payload: JWTPayload): Identity {
  const scopes = scopesOf(payload);
  return { user: parseUserId(payload.sub), expiresAt: (payload.exp as number) * 1000, ...(scopes && { scopes }) };
}

/** Claims `workspaces` (a list of ids) and `role`: both narrow. One that is there but not understood refuses the token rather than widen it. */
function scopesOf(payload: JWTPayload): TokenScopes | undefined {
  const { workspaces, role } = payload as { workspaces?: unknown; role?: unknown };
  if (workspaces === undefined && role === undefined) return undefined;
  if (workspaces !== undefined && !Array.isArray(workspaces)) throw refused();
  if (role !== undefined && !roles.includes(role as Role)) throw refused();
  return {
    ...(workspaces !== undefined && { workspaces: workspaces.map(parseWorkspaceId) }),
    ...(role !== undefined && { role: role as Role }),
  };
}

/** One answer for every flaw: which check failed helps only who forges. The cause stays inside the process. */
function refused(cause?: unknown): StoreError {
  return new StoreError('unauthenticated', 'a valid token is needed', { cause });
}

function asRefusal(cause: unknown): StoreError {
  const noKeys =
    cause instanceof errors.JWKSTimeout ||
    cause instanceof errors.JWKSInvalid ||
    (cause instanceof errors.JOSEError && cause.code === 'ERR_JOSE_GENERIC') || // any answer but 200
    (cause instanceof TypeError && cause.message === 'fetch failed');
  if (noKeys) return new StoreError('unavailable', 'the token keys could not be fetched', { cause });
  return refused(cause);
}
