import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseUserId, systemClock } from '@spacestore/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { placeOn, sharedServer } from '../../../adapter-libsql/test/hrana-server.ts';
import { issueToken } from '../../src/auth/issue-token.ts';
import { composeServer } from '../../src/compose.ts';
import { composeIssuer } from '../../src/compose-auth.ts';
import type { Config } from '../../src/config/config.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spacestore-compose-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const quiet = { log: { level: 'silent' } } as const;
const config = (more: Config = {}): Config => ({ data: join(folder, 'data'), ...quiet, ...more });

async function tokenFor(user: string, from: Config): Promise<string> {
  const issuer = await composeIssuer(from);
  if (!issuer) return expect.unreachable();
  return issueToken({ ...issuer, user: parseUserId(user), expiresInSeconds: 60, clock: systemClock });
}

/** An adapter of somebody else: core's memory stores under the documented export. */
async function foreignAdapter(name: string, body: string): Promise<string> {
  const path = join(folder, `${name}.mjs`);
  await writeFile(path, `export const spacestoreAdapter = { contractVersion: 1, open: (options, context) => (${body}) };\n`);
  return path;
}

describe('a server composed from a configuration', () => {
  it('keeps everything under its data folder, secrets sealed, and holds it', async () => {
    const server = await composeServer(config());
    await expect(composeServer(config())).rejects.toMatchObject({ code: 'busy' });
    const headers = { authorization: `Bearer ${await tokenFor('ada', config())}` };
    const call = (method: 'POST' | 'PUT' | 'GET', url: string, payload?: object) =>
      server.app.inject({ method, url, headers, ...(payload && { payload }) });
    expect((await call('POST', '/v1/workspaces', { id: 'w1', name: 'Mine' })).statusCode).toBe(201);
    const value = Buffer.from('a secret that must not lie open').toString('base64');
    expect((await call('PUT', '/v1/workspaces/w1/secrets/s', { value, ifVersion: 0, writeId: 'a' })).statusCode).toBe(200);
    expect((await call('GET', '/v1/workspaces/w1/secrets/s')).json()).toEqual({ value, version: 1 });
    expect((await server.app.inject('/readyz')).statusCode).toBe(200);
    const metrics = (await server.app.inject('/metrics')).body;
    expect(metrics).toMatch(/spacestore_fsync_seconds [0-9.e-]+/);
    expect(metrics).toContain('spacestore_store_call_seconds_count{contract="SecretStore",method="set",outcome="ok"} 1');
    await server.close();
    for (const name of await readdir(folder, { recursive: true })) {
      const path = join(folder, name);
      if ((await stat(path)).isFile())
        expect([name, (await readFile(path)).includes('a secret that must not lie open')]).toEqual([name, false]);
    }

    const again = await composeServer(config());
    const seen = await again.app.inject({ url: '/v1/workspaces/w1/secrets/s', headers });
    expect(seen.json()).toEqual({ value, version: 1 });
    await again.close();
  });

  it('keeps everything but files in encrypted libSQL files, if it is told to', async () => {
    const libsql = (options: object): Config =>
      config({ stores: [{ use: '@spacestore/adapter-libsql', options: { ...options } }, { use: '@spacestore/blob-fs' }] });
    const key = libsql({ encryptionKey: 'the key of a test', cipher: 'aes256cbc' });
    const server = await composeServer(key);
    await expect(composeServer(key)).rejects.toMatchObject({ code: 'busy' });
    const headers = { authorization: `Bearer ${await tokenFor('ada', key)}` };
    const made = await server.app.inject({
      method: 'POST',
      url: '/v1/workspaces',
      headers,
      payload: { id: 'w1', name: 'A name to look for' },
    });
    expect(made.statusCode).toBe(201);
    expect((await server.app.inject('/readyz')).statusCode).toBe(200);
    await server.close();
    const folderOf = join(folder, 'data', 'workspaces');
    expect(await readdir(folderOf)).toEqual(expect.arrayContaining(['directory.db', 'workspace-w1.db']));
    for (const name of await readdir(folderOf)) expect((await readFile(join(folderOf, name))).includes('A name to look for')).toBe(false);

    const again = await composeServer(key);
    expect((await again.app.inject({ url: '/v1/workspaces/w1', headers })).json()).toMatchObject({ name: 'A name to look for' });
    await again.close();
    const wrong = await composeServer(libsql({ encryptionKey: 'another' }));
    expect((await wrong.app.inject({ url: '/v1/workspaces/w1', headers })).statusCode).toBe(500);
    await wrong.close();
    await expect(composeServer(libsql({ encryptionkey: 'x' }))).rejects.toThrow(/option encryptionkey/);
    await expect(composeServer(libsql({ encryptionKey: 'x', cipher: 'rot13' }))).rejects.toThrow(/cipher is none of/);
  });

  it('keeps everything but files on a libSQL server, if it is told where', async () => {
    const { url, adminUrl, prefix } = placeOn(await sharedServer());
    const remote = (more: object = {}): Config =>
      config({
        stores: [{ use: '@spacestore/adapter-libsql', options: { url, adminUrl, prefix, ...more } }, { use: '@spacestore/blob-fs' }],
      });
    const server = await composeServer(remote());
    const headers = { authorization: `Bearer ${await tokenFor('ada', remote())}` };
    const made = await server.app.inject({ method: 'POST', url: '/v1/workspaces', headers, payload: { id: 'w1', name: 'Mine' } });
    expect(made.statusCode).toBe(201);
    expect((await server.app.inject('/readyz')).statusCode).toBe(200);
    await server.close();
    const again = await composeServer(remote());
    expect((await again.app.inject({ url: '/v1/workspaces/w1', headers })).json()).toMatchObject({ name: 'Mine' });
    await again.close();
    await expect(composeServer(remote({ adminUrl: undefined }))).rejects.toThrow(/adminUrl/);
    await expect(composeServer(remote({ dir: 'x' }))).rejects.toThrow(/option dir/);
  });

  it('takes adapters of other people, by name', async () => {
    const directory = await foreignAdapter(
      'files-only',
      '{ files: { marker: options.marker, dataDir: context.dataDir, close: async () => {} } }',
    );
    const server = await composeServer(
      config({
        stores: [
          { use: '@spacestore/adapter-sqlite', provide: ['ops', 'secrets', 'directory'] },
          { use: '@spacestore/blob-fs' },
          { use: directory, options: { marker: 1 } },
        ],
      }),
    );
    expect((await server.app.inject('/livez')).statusCode).toBe(200);
    await server.close();
  });

  it.each<[string, Config, RegExp]>([
    ['nothing provides a store', { stores: [{ use: '@spacestore/blob-fs' }] }, /no adapter provides ops, files, secrets, directory/],
    [
      'two provide the same',
      { stores: [{ use: '@spacestore/adapter-sqlite' }, { use: '@spacestore/blob-fs' }, { use: '@spacestore/blob-fs' }] },
      /blobs is provided twice/,
    ],
    ['an adapter is not installed', { stores: [{ use: '@acme/none' }] }, /@acme\/none could not be imported/],
    ['a package is no adapter', { stores: [{ use: 'typebox' }] }, /typebox (exports no spacestoreAdapter|could not be imported)/],
    [
      'an option is misspelt',
      { stores: [{ use: '@spacestore/adapter-sqlite', options: { maxOpenFile: 3 } }, { use: '@spacestore/blob-fs' }] },
      /maxOpenFile/,
    ],
    ['the secret is short', { auth: { secret: 'short' } }, /secret has 5 bytes/],
    [
      'there are two keys',
      { auth: { secret: 'x'.repeat(40), jwks: { algorithms: ['ES256'], url: 'https://x.example' } } },
      /one of secret/,
    ],
    ['a key file is missing', { auth: { secretFile: '/nonexistent/secret' } }, /\/nonexistent\/secret could not be read/],
  ])('refuses to start when %s', async (_, more, message) => {
    await expect(composeServer(config(more))).rejects.toThrow(message);
    await (await composeServer(config())).close(); // and left nothing open behind
  });

  it('speaks TLS with the certificate it is given', async () => {
    const [cert, key] = ['cert', 'key'].map((name) => fileURLToPath(new URL(`../support/tls/${name}.pem`, import.meta.url))) as [
      string,
      string,
    ];
    const server = await composeServer(config({ tls: { cert, key } }));
    await server.listen({ host: '0.0.0.0' });
    const { port } = new URL(server.address() ?? '');
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path: '/livez', rejectUnauthorized: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject);
      asked.end();
    });
    expect(status).toBe(200);
    await server.close();
  });
});
