import { fileURLToPath } from 'node:url';
import { BlobServiceClient } from '@azure/storage-blob';
import { azureBlobStore } from '@spacestore/blob-azure';
import { bytesSource, parseBlobRoot } from '@spacestore/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startAzurite } from './support/azurite.ts';
import { bytesOf, contentOf, fileKey } from './support/contents.ts';

const root = parseBlobRoot('ada/notes');
const body = bytesOf(1000);
const tls = (name: string): string => fileURLToPath(new URL(`../../server-fastify/test/support/tls/${name}.pem`, import.meta.url));

// The emulator takes tokens over TLS alone, and its certificate is the tests' own.
const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
beforeAll(() => {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
});
afterAll(() => {
  if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
});

/** A token as the emulator wants it: it looks at the claims, not at the signature. */
function credentialOf(audience: string) {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const tenant = '00000000-0000-4000-8000-000000000001';
  const claims = {
    aud: audience,
    iss: `https://sts.windows-ppe.net/${tenant}/`,
    nbf: now - 60,
    iat: now - 60,
    exp: now + 3600,
    tid: tenant,
    oid: tenant,
  };
  const token = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.${Buffer.from('none').toString('base64url')}`;
  return { getToken: async () => ({ token, expiresOnTimestamp: (now + 3600) * 1000 }) };
}

it('a credential reads and writes, and signs URLs with a key it asks the service for once', async () => {
  const connectionString = await startAzurite(['--oauth', 'basic', '--cert', tls('cert'), '--key', tls('key')]);
  const service = BlobServiceClient.fromConnectionString(connectionString);
  await service.createContainer('files');
  const store = await azureBlobStore({ url: service.url, container: 'files', credential: credentialOf('https://storage.azure.com') });
  expect(store.capabilities.presign).toBe(true);
  await store.put(root, fileKey(1), bytesSource(body));
  expect(await contentOf(store, root, fileKey(1))).toEqual(body);

  const signed = await Promise.all(
    [60_000, 3_600_000].map((expiresInMs) => store.presign(root, fileKey(1), { method: 'GET', expiresInMs })),
  );
  const keys = new Set(signed.map(({ url }) => new URL(url).searchParams.get('ske')));
  expect([...keys]).toEqual([expect.stringMatching(/^20/)]);
  for (const { url } of signed) expect(new Uint8Array(await (await fetch(url)).arrayBuffer())).toEqual(body);

  const {
    url,
    headers,
    upload = '',
  } = await store.presign(root, fileKey(2), { method: 'PUT', expiresInMs: 60_000, sizeBytes: body.length });
  expect((await fetch(url, { method: 'PUT', headers, body: Uint8Array.from(body) })).status).toBe(201);
  expect(await store.commit(root, fileKey(2), upload)).toEqual(await store.head(root, fileKey(2)));
  await store.close();

  const foreign = azureBlobStore({ url: service.url, container: 'files', retries: 0, credential: credentialOf('https://other.example') });
  await expect(foreign).rejects.toMatchObject({ code: 'unavailable' });
});

it('a credential that can’t be had is unavailable', async () => {
  const getToken = () => Promise.reject(Object.assign(new Error('no identity here'), { name: 'CredentialUnavailableError' }));
  const store = azureBlobStore({ url: 'https://localhost:1', container: 'files', retries: 0, credential: { getToken } });
  await expect(store).rejects.toMatchObject({ code: 'unavailable', cause: { message: 'CredentialUnavailableError: no identity here' } });
});
