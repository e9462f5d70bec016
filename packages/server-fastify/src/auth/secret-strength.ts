import { StoreError } from '@spacestore/core';

/** Shortest shared secret in bytes: as long as the digest it keys (RFC 7518, 3.2). */
export const minSecretBytes = 32;

/** Examples that documentation hands out, so that they end up in production. */
const published: ReadonlySet<string> = new Set([
  'a-string-secret-at-least-256-bits-long',
  'your-256-bit-secret-your-256-bit-secret',
  'changemechangemechangemechangeme',
  'change-me-change-me-change-me-change-me',
  'secretsecretsecretsecretsecretsecret',
  'spacestorespacestorespacestorespacestore',
]);

/** The secret's bytes, if it is neither short, nor a published example, nor a repetition. Throws: invalid. */
export function checkedSecret(secret: string | Uint8Array): Uint8Array {
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret;
  const refuse = (why: string): never => {
    throw new StoreError('invalid', `the token secret ${why}: take at least ${minSecretBytes} random bytes (openssl rand -hex 32)`);
  };
  if (bytes.length < minSecretBytes) refuse(`has ${bytes.length} bytes`);
  if (published.has(new TextDecoder().decode(bytes).toLowerCase())) refuse('is a published example');
  if (new Set(bytes).size < 8) refuse('repeats a few characters');
  return bytes;
}
