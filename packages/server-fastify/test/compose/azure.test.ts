import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobServiceClient } from '@azure/storage-blob';
import { parseUserId, systemClock } from '@spacestore/core';
import { expect, it, onTestFinished } from 'vitest';
import { newContainer } from '../../../blob-azure/test/support/azurite.ts';
import { issueToken } from '../../src/auth/issue-token.ts';
import { composeServer } from '../../src/compose.ts';
import { composeIssuer } from '../../src/compose-auth.ts';
import type { Config } from '../../src/config/config.ts';

async function configOf(options: Readonly<Record<string, unknown>>): Promise<Config> {
  const data = await mkdtemp(join(tmpdir(), 'spacestore-azure-'));
  onTestFinished(() => rm(data, { recursive: true, force: true }));
  const stores = [{ use: '@spacestore/adapter-sqlite' }, { use: '@spacestore/blob-azure', options }];
  return { data, log: { level: 'silent' }, stores };
}

it('a server keeps its files on Azure where the configuration says so', async () => {
  const place = await newContainer();
  const config = await configOf({ ...place, prefix: 'live' });
  const server = await composeServer(config);
  const issuer = await composeIssuer(config);
  if (!issuer) return expect.unreachable();
  const authorization = `Bearer ${await issueToken({ ...issuer, user: parseUserId('ada'), expiresInSeconds: 60, clock: systemClock })}`;
  const call = (method: 'POST' | 'PUT' | 'GET' | 'DELETE', url: string, payload?: object | Buffer) =>
    server.app.inject({
      method,
      url: `/v1/workspaces${url}`,
      headers: { authorization, ...(Buffer.isBuffer(payload) && { 'content-type': 'application/octet-stream' }) },
      ...(payload && { payload }),
    });
  const bytes = Buffer.from('a picture '.repeat(20_000));
  const hash = createHash('sha256').update(bytes).digest('hex');
  const names = async (): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { name } of BlobServiceClient.fromConnectionString(place.connectionString)
      .getContainerClient(place.container)
      .listBlobsFlat())
      found.push(name);
    return found;
  };
  expect((await call('POST', '', { id: 'w1', name: 'Mine' })).statusCode).toBe(201);
  expect((await call('PUT', `/w1/files/static/${hash}`, bytes)).statusCode).toBe(201);
  expect(await names()).toEqual([`live/ada/w1/files/static/${hash.slice(0, 2)}/${hash.slice(2)}`]);
  const found = await call('GET', `/w1/files/static/${hash}`);
  expect([found.statusCode, found.rawPayload.equals(bytes)]).toEqual([200, true]);
  expect((await call('DELETE', `/w1/files/static/${hash}`)).statusCode).toBe(204);
  expect(await names()).toEqual([]);
  await server.close();
});

it.each([
  [{}, /container is missing/],
  [{ container: 'c', conectionString: 'x' }, /conectionString/],
  [{ container: 'c', retries: -1 }, /retries/],
  [{ container: 'c', connectionString: 'AccountKey=c2VjcmV0' }, /connection string/],
])('a server refuses to start with options that are wrong: %j', async (options, message) => {
  const problem = await composeServer(await configOf(options)).catch((error: unknown) => error);
  expect(problem).toMatchObject({ code: 'invalid', message: expect.stringMatching(message) });
  expect(String(problem)).not.toContain('c2VjcmV0');
});
