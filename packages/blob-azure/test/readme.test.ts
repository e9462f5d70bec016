import { readFile } from 'node:fs/promises';
import { BlobServiceClient } from '@azure/storage-blob';
import { azureBlobStore } from '@spacestore/blob-azure';
import { parseBlobRoot } from '@spacestore/core';
import { expect, it } from 'vitest';
import { newContainer } from './support/azurite.ts';
import { bytesOf, fileKey } from './support/contents.ts';

const page = await readFile(new URL('../README.md', import.meta.url), 'utf8');
const argument = (name: string): string =>
  new RegExp(`--${name} ([^-\\n]+(?:-[^-\\n ]+)*)`).exec(page.replaceAll('\\\n', ''))?.[1]?.trim() ?? '';

it('the CORS rule it prints lets a page of that origin send and fetch by URL, and no other page', async () => {
  const place = await newContainer();
  const rule = {
    allowedOrigins: argument('origins'),
    allowedMethods: argument('methods').replaceAll(' ', ','),
    allowedHeaders: argument('allowed-headers'),
    exposedHeaders: argument('exposed-headers'),
    maxAgeInSeconds: 3600,
  };
  await BlobServiceClient.fromConnectionString(place.connectionString).setProperties({ cors: [rule] });
  const store = await azureBlobStore(place);
  const root = parseBlobRoot('ada/notes');
  const put = await store.presign(root, fileKey(1), { method: 'PUT', expiresInMs: 60_000, sizeBytes: 9 });
  const preflight = async (origin: string): Promise<number> => {
    const asked = {
      'access-control-request-method': 'PUT',
      'access-control-request-headers': [...Object.keys(put.headers), 'content-type'].join(','),
    };
    return (await fetch(put.url, { method: 'OPTIONS', headers: { origin, ...asked } })).status;
  };
  expect([await preflight('https://app.example'), await preflight('https://evil.example')]).toEqual([200, 403]);
  const headers = { ...put.headers, origin: 'https://app.example' };
  expect(
    (await fetch(put.url, { method: 'PUT', headers, body: Uint8Array.from(bytesOf(9)) })).headers.get('access-control-allow-origin'),
  ).toBe('https://app.example');
});
