import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, parseUserId, parseWorkspaceId } from '@spacestore/core';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { anyOf } from '../../src/auth/any-of.ts';
import { issueToken } from '../../src/auth/issue-token.ts';
import { type AsymmetricAlgorithm, type JwtKeySource, jwtAuthenticator } from '../../src/auth/jwt.ts';

const secret = '0123456789abcdefghijklmnopqrstuvwxyz';
const clock = { now: () => 1_700_000_000_000 } satisfies Clock;
const now = 1_700_000_000;
const common = { issuer: 'iss', audience: 'aud', clock };
const withSecret = (overrides = {}) => jwtAuthenticator({ ...common, key: { kind: 'secret', secret }, ...overrides });
const claims = { iss: 'iss', aud: 'aud', sub: 'ada', exp: now + 60 } satisfies JWTPayload;
const sign = (payload: JWTPayload, key: Parameters<SignJWT['sign']>[0] = new TextEncoder().encode(secret), alg = 'HS256', header = {}) =>
  new SignJWT(payload).setProtectedHeader({ alg, ...header }).sign(key);
const refusal = { code: 'unauthenticated', message: 'a valid token is needed' };

describe('tokens under a shared secret', () => {
  it('tell the user and the expiry', async () => {
    const auth = await withSecret();
    expect(await auth.verify(await sign(claims))).toEqual({ user: 'ada', expiresAt: (now + 60) * 1000 });
  });

  it('are issued by the same key', async () => {
    const token = await issueToken({
      ...common,
      secret,
      user: parseUserId('bob'),
      expiresInSeconds: 10,
      scopes: { workspaces: [parseWorkspaceId('w1')], role: 'viewer' },
    });
    expect(await (await withSecret()).verify(token)).toEqual({
      user: 'bob',
      expiresAt: (now + 10) * 1000,
      scopes: { workspaces: ['w1'], role: 'viewer' },
    });
  });

  const flaws: Record<string, Promise<string>> = {
    'another issuer': sign({ ...claims, iss: 'other' }),
    'another audience': sign({ ...claims, aud: 'other' }),
    'no issuer': sign({ aud: 'aud', sub: 'ada', exp: now + 60 }),
    'no audience': sign({ iss: 'iss', sub: 'ada', exp: now + 60 }),
    'no expiry': sign({ iss: 'iss', aud: 'aud', sub: 'ada' }),
    'no subject': sign({ iss: 'iss', aud: 'aud', exp: now + 60 }),
    'a subject that is no user id': sign({ ...claims, sub: 'a b' }),
    'an empty subject': sign({ ...claims, sub: '' }),
    'an expiry long past': sign({ ...claims, exp: now - 6 }),
    'a start in the future': sign({ ...claims, nbf: now + 6 }),
    'another secret': sign(claims, new TextEncoder().encode(`${secret}!`)),
    'another algorithm of the same family': sign(claims, new TextEncoder().encode(secret.repeat(2)), 'HS512'),
    'no signature': Promise.resolve(new UnsecuredJWT(claims).encode()),
    'a scope that is not understood': sign({ ...claims, role: 'root' }),
    'a workspace scope that is no list': sign({ ...claims, workspaces: 'w1' }),
    'a workspace scope with a bad id': sign({ ...claims, workspaces: ['../w1'] }),
    'a critical header nobody knows': sign(claims, undefined, 'HS256', { crit: ['exp'], exp: 1 }).catch(() => 'a.b.c'),
    'no token at all': Promise.resolve(''),
    'three dots': Promise.resolve('...'),
    'too many characters': Promise.resolve(`a.${'b'.repeat(5000)}.c`),
    'a cut signature': sign(claims).then((token) => token.slice(0, -4)),
  };
  for (const [flaw, token] of Object.entries(flaws))
    it(`are refused alike with ${flaw}`, async () => {
      const verify = (await withSecret()).verify(await token);
      await expect(verify).rejects.toMatchObject(refusal);
    });

  it('tolerate clocks that differ by five seconds', async () => {
    const auth = await withSecret();
    await expect(auth.verify(await sign({ ...claims, exp: now - 4 }))).resolves.toMatchObject({ user: 'ada' });
    await expect(auth.verify(await sign({ ...claims, nbf: now + 5 }))).resolves.toMatchObject({ user: 'ada' });
  });

  it.each([
    ['short', 'x'.repeat(31)],
    ['a published example', 'a-string-secret-at-least-256-bits-long'],
    ['a repetition', 'abc'.repeat(20)],
    ['empty', ''],
  ])('need more than a secret that is %s', async (_, weak) => {
    await expect(withSecret({ key: { kind: 'secret', secret: weak } })).rejects.toMatchObject({ code: 'invalid' });
    await expect(issueToken({ ...common, secret: weak, user: parseUserId('a'), expiresInSeconds: 1 })).rejects.toMatchObject({
      code: 'invalid',
    });
  });
});

describe('tokens under a public key', () => {
  const algorithms: readonly AsymmetricAlgorithm[] = ['EdDSA', 'ES256', 'RS256'];

  it.each(algorithms)('%s are accepted by PEM, JWK and key set, and by no other key', async (algorithm) => {
    const pair = await generateKeyPair(algorithm, { extractable: true });
    const other = await generateKeyPair(algorithm, { extractable: true });
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: algorithm };
    const sources: readonly JwtKeySource[] = [
      { kind: 'public-key', algorithm, pem: await exportSPKI(pair.publicKey) },
      { kind: 'public-key', algorithm, jwk },
      { kind: 'jwks', algorithms: [algorithm], keys: { keys: [jwk] } },
    ];
    for (const key of sources) {
      const auth = await jwtAuthenticator({ ...common, key });
      expect(await auth.verify(await sign(claims, pair.privateKey, algorithm, { kid: 'k1' }))).toMatchObject({ user: 'ada' });
      await expect(auth.verify(await sign(claims, other.privateKey, algorithm, { kid: 'k1' }))).rejects.toMatchObject(refusal);
    }
  });

  it('are not confused with tokens signed by the public key as a secret', async () => {
    const pair = await generateKeyPair('RS256', { extractable: true });
    const pem = await exportSPKI(pair.publicKey);
    const auth = await jwtAuthenticator({ ...common, key: { kind: 'public-key', algorithm: 'RS256', pem } });
    for (const form of [pem, pem.trim(), `${pem.trim()}\n`])
      await expect(auth.verify(await sign(claims, new TextEncoder().encode(form)))).rejects.toMatchObject(refusal);
    const jwk = await exportJWK(pair.publicKey);
    const embedded = await sign(claims, (await generateKeyPair('RS256')).privateKey, 'RS256', { jwk });
    await expect(auth.verify(embedded)).rejects.toMatchObject(refusal);
  });

  it('need a key that fits, and never a private or symmetric one', async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    const privateJwk = await exportJWK(pair.privateKey);
    const symmetric = { kty: 'oct', k: 'AAAA' };
    const sources: readonly JwtKeySource[] = [
      { kind: 'public-key', algorithm: 'EdDSA', pem: await exportSPKI(pair.publicKey) },
      { kind: 'public-key', algorithm: 'RS256', pem: 'no key' },
      { kind: 'public-key', algorithm: 'ES256', jwk: privateJwk },
      { kind: 'public-key', algorithm: 'ES256', jwk: symmetric },
      { kind: 'jwks', algorithms: ['ES256'], keys: { keys: [symmetric] } },
      { kind: 'jwks', algorithms: ['ES256'], url: 'http://example.com/keys' },
    ];
    for (const key of sources) await expect(jwtAuthenticator({ ...common, key })).rejects.toMatchObject({ code: 'invalid' });
  });

  it('are accepted by a key set fetched from a server, and unavailable when it fails', async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    const keys = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256' }] });
    let status = 500;
    const server = createServer((_, response) => void response.writeHead(status, { 'content-type': 'application/json' }).end(keys));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
      const auth = await jwtAuthenticator({ ...common, key: { kind: 'jwks', algorithms: ['ES256'], url } });
      const token = await sign(claims, pair.privateKey, 'ES256', { kid: 'k1' });
      await expect(auth.verify(token)).rejects.toMatchObject({ code: 'unavailable' });
      await expect(anyOf([auth, await withSecret()]).verify(token)).rejects.toMatchObject({ code: 'unavailable' });
      status = 200;
      await expect(auth.verify(token)).resolves.toMatchObject({ user: 'ada' });
      await expect(anyOf([await withSecret(), auth]).verify(token)).resolves.toMatchObject({ user: 'ada' });
    } finally {
      server.close();
    }
  });
});
