import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseUserId, systemClock } from '@spacestore/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { issueToken } from '../../src/auth/issue-token.ts';
import { composeServer } from '../../src/compose.ts';
import { composeIssuer } from '../../src/compose-auth.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const chats = fileURLToPath(new URL('../../../../examples/data/sila-chats.jsonl.gz', import.meta.url));

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'spacestore-copy-cli-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function spacestore(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--conditions=@spacestore/source', main, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

test('workspaces move to other stores while their server runs, and its last words go over with the switch', async () => {
  const [from, to] = [join(dir, 'old'), join(dir, 'new')];
  await spacestore('import', chats, '--workspace', 'chats', '--create', '--data', from);
  const target = join(dir, 'new.yaml');
  await writeFile(
    target,
    JSON.stringify({
      data: to,
      stores: [{ use: '@spacestore/adapter-sqlite' }, { use: '@spacestore/blob-fs', options: { layout: 'sila' } }],
    }),
  );
  const open = async (data: string, config: object = {}) => {
    const server = await composeServer({ data, log: { level: 'silent' }, ...config });
    const issuer = (await composeIssuer({ data })) as NonNullable<Awaited<ReturnType<typeof composeIssuer>>>;
    const token = await issueToken({ ...issuer, user: parseUserId('me'), expiresInSeconds: 60, clock: systemClock });
    const call = (method: 'GET' | 'PUT' | 'POST', url: string, payload?: object | string) =>
      server.app.inject({
        method,
        url: `/v1/workspaces/${url}`,
        headers: { authorization: `Bearer ${token}` },
        ...(payload !== undefined && { payload }),
      });
    return { server, call };
  };
  const old = await open(from);
  const value = Buffer.from('sealed with another key there').toString('base64');
  expect((await old.call('PUT', 'chats/secrets/s', { value, ifVersion: 0, writeId: 'a' })).statusCode).toBe(200);
  const file = `chats/files/static/${createHash('sha256').update('a file').digest('hex')}`;
  expect((await old.call('PUT', file, 'a file')).statusCode).toBe(201);

  const first = await spacestore('copy', '--from', from, '--to', target, '--json');
  expect(JSON.parse(first.stdout)).toMatchObject({
    workspaces: [{ workspace: 'chats', records: 1708, files: 1, secrets: 1, switched: false }],
  });
  const record = { tree: 't', peer: 'p', counter: 1, op: ['m', 'x', null] };
  expect((await old.call('POST', 'chats/operations', { records: [record] })).statusCode).toBe(200);
  expect(await spacestore('copy', '--from', from, '--to', target, '--switch')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('busy'),
  });
  await old.server.close();

  const last = await spacestore('copy', '--from', from, '--to', target, '--switch', '--json');
  expect(JSON.parse(last.stdout)).toMatchObject({ workspaces: [{ records: 1709, switched: true }] });
  expect(await spacestore('verify', '--config', target)).toMatchObject({ code: 0 });
  const exported = await Promise.all([from, to].map((data) => spacestore('export', '-', '--workspace', 'chats', '--data', data)));
  expect(exported[0]?.stdout).toBe(exported[1]?.stdout);

  const moved = await open(to, {
    stores: [{ use: '@spacestore/adapter-sqlite' }, { use: '@spacestore/blob-fs', options: { layout: 'sila' } }],
  });
  expect((await moved.call('GET', 'chats/secrets/s')).json()).toEqual({ value, version: 1 });
  expect((await moved.call('GET', file)).body).toBe('a file');
  expect((await moved.call('GET', 'chats/usage')).json()).toMatchObject({ files: 1, fileBytes: 6 });
  expect((await moved.call('POST', 'chats/operations', { records: [{ ...record, counter: 2 }] })).statusCode).toBe(200);
  await moved.server.close();
  const stale = await open(from); // somebody starts the old one by mistake
  expect((await stale.call('POST', 'chats/operations', { records: [{ ...record, counter: 3 }] })).statusCode).toBe(503);
  await stale.server.close();
});
