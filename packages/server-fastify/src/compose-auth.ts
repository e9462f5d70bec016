import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, parseUserId, parseWorkspaceId, StoreError } from '@spacestore/core';
import { anyOf } from './auth/any-of.ts';
import type { Authenticator } from './auth/identity.ts';
import { type JwtKeySource, jwtAuthenticator } from './auth/jwt.ts';
import { type StaticToken, staticTokens } from './auth/static-tokens.ts';
import type { AuthConfig, Config, StaticTokenConfig } from './config/config.ts';
import { keyFile } from './keys/key-file.ts';

/** What the `token` command needs to make a token this server accepts. */
export interface TokenIssuer {
  readonly secret: string | Uint8Array;
  readonly issuer: string;
  readonly audience: string;
}

const defaultName = 'spacestore';

/** The secret, issuer and audience of a server that signs its own tokens; undefined for one that trusts somebody else's.
 *  Makes the data folder's key file if nothing is configured. */
export async function composeIssuer({ auth = {}, data = './data' }: Config): Promise<TokenIssuer | undefined> {
  if (auth.publicKey || auth.jwks) return undefined;
  const names = { issuer: auth.issuer ?? defaultName, audience: auth.audience ?? defaultName };
  if (auth.secret !== undefined) return { ...names, secret: auth.secret };
  if (auth.secretFile !== undefined) return { ...names, secret: (await textOf(auth.secretFile)).trim() };
  return { ...names, secret: Buffer.from(await keyFile(join(data, 'token.key'))).toString('hex') };
}

/** Throws: invalid, if more than one key or a weak one is configured. */
export async function composeAuth(config: Config, clock: Clock): Promise<Authenticator> {
  const { auth = {} } = config;
  const ways = [auth.secret, auth.secretFile, auth.publicKey, auth.jwks].filter((way) => way !== undefined);
  if (ways.length > 1) throw new StoreError('invalid', 'config: auth takes one of secret, secretFile, publicKey and jwks');
  const issuer = await composeIssuer(config);
  const key: JwtKeySource = issuer ? { kind: 'secret', secret: issuer.secret } : await publicKeyOf(auth);
  const tokens = await jwtAuthenticator({ key, issuer: auth.issuer ?? defaultName, audience: auth.audience ?? defaultName, clock });
  return auth.staticTokens?.length ? anyOf([staticTokens(auth.staticTokens.map(staticToken)), tokens]) : tokens;
}

/** Lets a scraper in by its own token, and by nothing else. */
export function composeMetricsAuth(sha256: string): Authenticator {
  return staticTokens([{ sha256, identity: { user: parseUserId('metrics') } }]);
}

async function publicKeyOf({ publicKey, jwks }: AuthConfig): Promise<JwtKeySource> {
  if (jwks) return { kind: 'jwks', ...jwks };
  const { algorithm, pem, pemFile } = publicKey ?? {};
  if (algorithm === undefined || (pem === undefined) === (pemFile === undefined))
    throw new StoreError('invalid', 'config: auth.publicKey takes an algorithm, and pem or pemFile');
  return { kind: 'public-key', algorithm, pem: pem ?? (await textOf(pemFile as string)) };
}

function staticToken({ sha256, user, workspaces, role }: StaticTokenConfig): StaticToken {
  const scopes =
    workspaces || role ? { ...(workspaces && { workspaces: workspaces.map(parseWorkspaceId) }), ...(role && { role }) } : undefined;
  return { sha256, identity: { user: parseUserId(user), ...(scopes && { scopes }) } };
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new StoreError('unavailable', `config: ${path} could not be read`, { cause });
  }
}
