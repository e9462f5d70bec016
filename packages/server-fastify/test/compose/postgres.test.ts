import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseUserId, systemClock } from '@spacestore/core';
import { expect, onTestFinished, test } from 'vitest';
import { newDatabase } from '../../../adapter-postgres/test/support/server.ts';
import { issueToken } from '../../src/auth/issue-token.ts';
import { composeServer } from '../../src/compose.ts';
import { composeStores } from '../../src/compose-adapters.ts';
import { composeIssuer } from '../../src/compose-auth.ts';
import type { Config } from '../../src/config/config.ts';

/** A server's own folder, and a database that it shares. */
async function configOf(url: string): Promise<Config> {
  const folder = await mkdtemp(join(tmpdir(), 'spacestore-compose-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return {
    data: folder,
    log: { level: 'silent' },
    auth: { secret: '0123456789abcdef0123456789abcdef' },
    seal: { keys: '0123456789abcdef'.repeat(4) },
    stores: [{ use: '@spacestore/adapter-postgres', options: { url } }, { use: '@spacestore/blob-fs' }],
  };
}

async function open(config: Config) {
  const server = await composeServer(config);
  onTestFinished(() => server.close());
  const issuer = await composeIssuer(config);
  if (!issuer) return expect.unreachable();
  const token = await issueToken({ ...issuer, user: parseUserId('ada'), expiresInSeconds: 60, clock: systemClock });
  return (method: 'POST' | 'PUT' | 'GET', path: string, payload?: object) =>
    server.app.inject({ method, url: path, headers: { authorization: `Bearer ${token}` }, ...(payload && { payload }) });
}

test('two servers on one database have the same workspaces, logs and secrets', async () => {
  const url = await newDatabase(onTestFinished);
  const [one, two] = [await open(await configOf(url)), await open(await configOf(url))];
  expect((await one('GET', '/readyz')).statusCode).toBe(200);
  expect((await one('POST', '/v1/workspaces', { id: 'w', name: 'Ours', codec: 'opaque' })).statusCode).toBe(201);
  expect((await two('POST', '/v1/workspaces', { id: 'w', name: 'Mine' })).statusCode).toBe(409);
  const value = Buffer.from('a secret').toString('base64');
  expect((await one('PUT', '/v1/workspaces/w/secrets/s', { value, ifVersion: 0, writeId: 'a' })).statusCode).toBe(200);
  expect((await two('GET', '/v1/workspaces/w/secrets/s')).json()).toEqual({ value, version: 1 });
});

test('an option that is misspelt is refused by its name, and one that is missing too', async () => {
  const stores = (options: Readonly<Record<string, unknown>>): Config => ({ stores: [{ use: '@spacestore/adapter-postgres', options }] });
  await expect(composeStores(stores({ url: 'postgres://x/y', maxConections: 3 }), systemClock)).rejects.toThrow('option maxConections');
  await expect(composeStores(stores({}), systemClock)).rejects.toThrow('option url is missing');
});
