import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { sqliteStores } from '@spacestore/adapter-sqlite';
import { folderBlobStore } from '@spacestore/blob-fs';
import {
  bytesSource,
  type FileEntry,
  type FileState,
  parseBlobRoot,
  parseUserId,
  parseWorkspaceId,
  staticKey,
  systemClock,
} from '@spacestore/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { issueToken } from '../../src/auth/issue-token.ts';
import { composeServer, loadConfig } from '../../src/compose.ts';
import { composeIssuer } from '../../src/compose-auth.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const chats = fileURLToPath(new URL('../../../../examples/data/sila-chats.jsonl.gz', import.meta.url));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let dir: string;
let data: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'spacestore-cli-'));
  data = join(dir, 'data');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function spacestore(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--conditions=@spacestore/source', main, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const importChats = (): Promise<Outcome> => spacestore('import', chats, '--workspace', 'chats', '--create', '--data', data, '--json');

test('what is imported comes out again line by line, and importing twice changes nothing', async () => {
  expect(JSON.parse((await importChats()).stdout)).toMatchObject({ lines: 1708, added: 1708, conflicts: 0, refused: 0 });
  expect(JSON.parse((await importChats()).stdout)).toMatchObject({ added: 0, duplicates: 1708 });
  const file = join(dir, 'out.jsonl.gz');
  expect(await spacestore('export', file, '--workspace', 'chats', '--data', data)).toMatchObject({ code: 0 });
  expect(gunzipSync(await readFile(file)).toString()).toBe(gunzipSync(await readFile(chats)).toString());
});

test('lines that can not be stored are named, the others are stored, and the exit code says so', async () => {
  await importChats();
  const [first] = gunzipSync(await readFile(chats))
    .toString()
    .split('\n');
  const other = JSON.stringify({ ...JSON.parse(first as string), targetId: 'another' });
  const fresh = JSON.stringify({ treeId: 't', id: { counter: 1, peerId: 'p' }, targetId: 'x', parentId: null });
  const file = join(dir, 'bad.jsonl.gz');
  await writeFile(file, gzipSync([other, 'no json', fresh].join('\n')));
  const { code, stdout } = await spacestore('import', file, '--workspace', 'chats', '--data', data, '--json');
  expect(code).toBe(1);
  const report = JSON.parse(stdout) as { readonly problems: readonly { readonly line: number; readonly code: string }[] };
  expect(report).toMatchObject({ added: 1, conflicts: 1, refused: 1 });
  expect(report.problems.toSorted((a, b) => a.line - b.line).map(({ line, code: why }) => [line, why])).toEqual([
    [1, 'equivocation'],
    [2, 'invalid'],
  ]);
});

test('a backup restores under a new history with the same records', async () => {
  await importChats();
  const before = JSON.parse((await spacestore('stats', '--data', data, '--json')).stdout) as { workspaces: { incarnation: string }[] };
  const file = join(dir, 'chats.backup');
  expect(await spacestore('backup', file, '--workspace', 'chats', '--data', data)).toMatchObject({ code: 0 });
  const restored = JSON.parse((await spacestore('restore', file, '--workspace', 'chats', '--data', data, '--json')).stdout);
  expect(restored).toMatchObject({ records: 1708, lineage: [{ incarnation: before.workspaces[0]?.incarnation }] });
  expect(await spacestore('verify', '--data', data)).toMatchObject({ code: 0 });
});

test('a backup restores into an empty folder, for the owner and in the codec it had', async () => {
  const lines = join(dir, 'opaque.jsonl');
  await writeFile(lines, `${JSON.stringify({ treeId: 't', id: { counter: 1, peerId: 'p' }, body: 'AAEC' })}\n`);
  const made = ['--create', '--owner', 'ann', '--codec', 'opaque', '--json'];
  expect(await spacestore('import', lines, '--workspace', 'raw', '--data', data, ...made)).toMatchObject({ code: 0 });
  const file = join(dir, 'raw.backup');
  expect(await spacestore('backup', file, '--workspace', 'raw', '--data', data)).toMatchObject({ code: 0 });
  const drill = join(dir, 'drill');
  expect(await spacestore('restore', file, '--workspace', 'raw', '--data', drill, '--create', '--codec', 'opake')).toMatchObject({
    code: 2,
  });
  expect(await spacestore('restore', file, '--workspace', 'raw', '--data', drill, ...made)).toMatchObject({ code: 0 });
  expect((await spacestore('export', '-', '--workspace', 'raw', '--data', drill)).stdout).toBe(await readFile(lines, 'utf8'));
  const through = await spacestore('restore', file, '--workspace', 'raw', '--url', 'http://127.0.0.1:1', '--token', 'x', '--owner', 'ann');
  expect(through).toMatchObject({ code: 2, stderr: expect.stringContaining('--owner') });
});

test('backups kept with the files restore in place, and into a new folder with their files and keys', async () => {
  await importChats();
  const made = JSON.parse((await spacestore('backup', '--to-blobs', '--data', data, '--json')).stdout);
  expect(made).toMatchObject({ backups: [{ workspace: 'chats', sequence: 1, log: { records: 1708 } }], failed: [] });
  const line = JSON.stringify({ treeId: 't', id: { counter: 1, peerId: 'p' }, targetId: 'x', parentId: null });
  const file = join(dir, 'more.jsonl');
  await writeFile(file, `${line}\n`);
  await spacestore('import', file, '--workspace', 'chats', '--data', data);
  expect(await spacestore('backup', '--to-blobs', '--workspace', 'chats', '--data', data)).toMatchObject({ code: 0 });
  const listed = JSON.parse((await spacestore('backups', '--workspace', 'chats', '--data', data, '--json')).stdout);
  expect(listed).toMatchObject({ backups: [{ sequence: 1 }, { sequence: 2, log: { records: 1709 } }] });
  const older = await spacestore('restore', '--from-blobs', '--sequence', '1', '--workspace', 'chats', '--data', data, '--json');
  expect(JSON.parse(older.stdout)).toMatchObject({ records: 1708 });

  const drill = join(dir, 'drill');
  await mkdir(drill, { mode: 0o700 });
  await cp(join(data, 'blobs'), join(drill, 'blobs'), { recursive: true });
  const restore = ['restore', '--from-blobs', '--workspace', 'chats', '--create', '--data', drill, '--json'];
  expect(await spacestore(...restore)).toMatchObject({ code: 2, stderr: expect.stringContaining('not signed by this server') });
  await rm(join(drill, 'seal.key'));
  await cp(join(data, 'seal.key'), join(drill, 'seal.key'));
  expect(JSON.parse((await spacestore(...restore)).stdout)).toMatchObject({ records: 1709 });
  expect(await spacestore('verify', '--data', drill)).toMatchObject({ code: 0 });
  expect(await spacestore('backup', '--data', data)).toMatchObject({ code: 2, stderr: expect.stringContaining('--to-blobs') });
});

test('verify names a record that was changed behind the back of the store', async () => {
  await importChats();
  const path = join(data, 'workspaces', 'workspace-chats.db');
  const bytes = await readFile(path);
  // Every copy of a body: some lie in pages that SQLite has left.
  let changed = 0;
  for (let at = bytes.indexOf('["m","'); at !== -1; at = bytes.indexOf('["m","', at + 1), changed++)
    bytes[at + 6] = (bytes[at + 6] as number) ^ 1;
  expect(changed).toBeGreaterThan(0);
  await writeFile(path, bytes);
  const { code, stdout } = await spacestore('verify', '--data', data, '--json');
  expect(code).toBe(1);
  expect(stdout).toMatch(/changed at position \d+/);
});

test('verify --repair ends what a crash cut off, and counts files anew', async () => {
  await importChats();
  const stores = sqliteStores({ dir: join(data, 'workspaces') });
  const blobs = await folderBlobStore({ dir: join(data, 'blobs') });
  const chats = parseWorkspaceId('chats');
  const root = parseBlobRoot('me/chats');
  const keyOf = (text: string) => staticKey(createHash('sha256').update(text).digest('hex'));
  const entry = (text: string, state: FileState): FileEntry => ({ key: keyOf(text), sizeBytes: text.length, createdAt: 1, state });
  for (const text of ['arrived', 'removed', 'whole']) await blobs.put(root, keyOf(text), bytesSource(Buffer.from(text)));
  await stores.files.put(chats, entry('arrived', 'pending'));
  await stores.files.put(chats, entry('never came', 'pending'));
  await stores.files.put(chats, entry('removed', 'deleting'));
  await stores.files.put(chats, entry('whole', 'ready'));
  await stores.directory.addUsage(chats, { fileBytes: 999, files: 9 }, { fileBytes: 1000, files: 10 });
  await stores.close();

  const look = JSON.parse((await spacestore('verify', '--data', data, '--json')).stdout);
  expect(look).toMatchObject({ findings: [], unfinished: 3 });
  const repaired = JSON.parse((await spacestore('verify', '--repair', '--data', data, '--json')).stdout);
  expect(repaired).toMatchObject({ findings: [], repaired: [{ completed: 1, removed: 2, usage: { files: -5, fileBytes: -970 } }] });
  expect(JSON.parse((await spacestore('verify', '--data', data, '--json')).stdout)).toMatchObject({ findings: [], unfinished: 0 });
  const { workspaces } = JSON.parse((await spacestore('stats', '--data', data, '--json')).stdout);
  expect(workspaces).toMatchObject([{ files: 2, fileBytes: 12 }]);
  expect(await blobs.head(root, keyOf('removed'))).toBeUndefined();
  await blobs.close();
});

test('gc counts files that no operation refers to, removes them when told, and skips what it can not read', async () => {
  await importChats();
  await writeFile(join(dir, 'raw.jsonl'), `${JSON.stringify({ treeId: 't', id: { counter: 1, peerId: 'p' }, body: 'AAEC' })}\n`);
  await spacestore('import', join(dir, 'raw.jsonl'), '--workspace', 'raw', '--create', '--codec', 'opaque', '--data', data);
  const hash = createHash('sha256').update('never referred to').digest('hex');
  const stores = sqliteStores({ dir: join(data, 'workspaces') });
  const blobs = await folderBlobStore({ dir: join(data, 'blobs') });
  await blobs.put(parseBlobRoot('me/chats'), staticKey(hash), bytesSource(Buffer.from('never referred to')));
  await stores.files.put(parseWorkspaceId('chats'), { key: staticKey(hash), sizeBytes: 17, createdAt: 1, state: 'ready' });
  await Promise.all([stores.close(), blobs.close()]);
  const told = JSON.parse((await spacestore('gc', '--data', data, '--json')).stdout);
  expect(told).toMatchObject({
    workspaces: [
      { workspace: 'chats', unused: 1, unusedBytes: 17, removed: 0, keys: [`static/${hash}`], records: 1708 },
      { workspace: 'raw', skipped: expect.stringContaining('opaque') },
    ],
  });
  const swept = await spacestore('gc', '--remove', '--grace', '12h', '--workspace', 'chats', '--data', data);
  expect(swept).toMatchObject({ code: 0, stdout: expect.stringContaining('1 removed (17 bytes)') });
  expect(JSON.parse((await spacestore('gc', '--data', data, '--json')).stdout)).toMatchObject({ workspaces: [{ unused: 0 }, {}] });
  expect(await spacestore('gc', '--grace', 'soon', '--data', data)).toMatchObject({ code: 2, stderr: expect.stringContaining('--grace') });
});

test('reseal makes an older key needless, beside a running server and again without a change', async () => {
  const [first, second] = ['01', 'fe'].map((start) => `${start}${'ab34'.repeat(15)}56`) as [string, string];
  const keysFile = join(dir, 'seal.keys');
  const config = join(dir, 'config.yaml');
  await writeFile(config, JSON.stringify({ data, seal: { keysFile }, log: { level: 'silent' } }));
  const value = Buffer.from('kept over a change of keys').toString('base64');
  const withServer = async (
    keys: readonly string[],
    work: (
      call: (method: 'GET' | 'POST' | 'PUT', url: string, payload?: object) => Promise<{ json: () => unknown; statusCode: number }>,
    ) => Promise<void>,
  ) => {
    await writeFile(keysFile, keys.join('\n'));
    const server = await composeServer(await loadConfig(config));
    const issuer = await composeIssuer(await loadConfig(config));
    const token = await issueToken({
      ...(issuer as NonNullable<typeof issuer>),
      user: parseUserId('me'),
      expiresInSeconds: 60,
      clock: systemClock,
    });
    try {
      await work((method, url, payload) =>
        server.app.inject({
          method,
          url: `/v1/workspaces${url}`,
          headers: { authorization: `Bearer ${token}` },
          ...(payload && { payload }),
        }),
      );
    } finally {
      await server.close();
    }
  };
  await withServer([first], async (call) => {
    expect((await call('POST', '', { id: 'w1' })).statusCode).toBe(201);
    expect((await call('PUT', '/w1/secrets/s', { value, ifVersion: 0, writeId: 'a' })).statusCode).toBe(200);
  });
  await withServer([second, first], async (call) => {
    const done = await spacestore('reseal', '--config', config, '--json');
    expect(JSON.parse(done.stdout)).toEqual({ workspaces: [{ workspace: 'w1', resealed: 2, kept: 0 }] });
    expect((await call('GET', '/w1/secrets/s')).json()).toEqual({ value, version: 2 });
  });
  await withServer([second], async (call) => {
    expect(JSON.parse((await spacestore('reseal', '--config', config, '--json')).stdout)).toMatchObject({
      workspaces: [{ resealed: 0, kept: 2 }],
    });
    expect((await call('GET', '/w1/secrets/s')).json()).toEqual({ value, version: 2 });
  });
  await withServer([first], async (call) => {
    expect((await call('GET', '/w1/secrets/s')).statusCode).toBe(500);
    expect(await spacestore('reseal', '--config', config)).toMatchObject({ code: 2 });
  });
});

test('a command that cannot work says why and what to do, and exits with 2', async () => {
  await importChats();
  const missing = await spacestore('export', '-', '--workspace', 'nothing', '--data', data);
  expect(missing).toMatchObject({ code: 2, stdout: '' });
  expect(missing.stderr).toContain('not_found');
  const unreachable = await spacestore('stats', '--url', 'http://127.0.0.1:1', '--token', 'x', '--json');
  expect(unreachable.code).toBe(2);
  expect(JSON.parse(unreachable.stderr)).toMatchObject({ error: { code: 'unavailable' } });
  const bad = await spacestore('import', chats, '--workspace', '../escape', '--create', '--data', data);
  expect(bad).toMatchObject({ code: 2 });
  expect(bad.stderr).toContain('workspace id');
  const address = await spacestore('stats', '--url', 'localhost:8787', '--token', 'x');
  expect(address).toMatchObject({ code: 2, stdout: '' });
  expect(address.stderr).toContain('http://127.0.0.1:8787');
});

test('a folder that is not there is told and not made, except where one is to be made', async () => {
  const calls = [
    ['stats'],
    ['verify'],
    ['backup', '--to-blobs'],
    ['gc'],
    ['reseal'],
    ['export', '--workspace', 'w1'],
    ['token', '--user', 'me'],
  ];
  const outcomes = await Promise.all(calls.map((call) => spacestore(...call, '--data', data)));
  for (const { code, stdout, stderr } of outcomes) {
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('there is no data folder');
  }
  await expect(stat(data)).rejects.toThrow('ENOENT');
});

test('a file that can not be read is told before anything is made', async () => {
  const copied = await spacestore('copy', '--from', data, '--to', join(dir, 'other'));
  expect(copied).toMatchObject({ code: 2, stderr: expect.stringContaining('neither a configuration file nor a data folder') });
  await importChats();
  const nowhere = await spacestore('export', join(dir, 'no', 'out.jsonl'), '--workspace', 'chats', '--data', data);
  expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining(`can not be made in ${join(dir, 'no')}`) });
  await rm(data, { recursive: true });
  for (const command of ['import', 'restore'])
    for (const [file, why] of [
      [join(dir, 'nothing.jsonl'), 'it is not there'],
      [dir, 'name a file'],
    ] as const) {
      const { code, stdout, stderr } = await spacestore(command, file, '--workspace', 'w1', '--create', '--data', data);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^spacestore: invalid: /);
      expect(stderr).toContain(why);
    }
  await expect(stat(data)).rejects.toThrow('ENOENT');
});

test('what a command does not know keeps it from doing anything', async () => {
  await importChats();
  for (const [args, told] of [
    [['gc', '--remove', '--workspac', 'chats'], '--workspac'],
    [['verify', '--url', 'http://127.0.0.1:1'], '--url'],
    [['stats', 'chats'], '"chats"'],
    [['verify', '--workspace'], '--workspace wants a value'],
    [['stats', '-w'], '-w'],
    [['export'], '--workspace'],
    [['sats'], 'sats'],
    [[], 'No command'],
  ] as const) {
    const { code, stdout, stderr } = await spacestore(...args, ...(args.length > 0 ? ['--data', data] : []));
    expect([args, code, stdout]).toEqual([args, 2, '']);
    expect(stderr).toContain(told);
  }
  expect(await spacestore('verify', '--no-files', '--data', data, '--json')).toMatchObject({ code: 0, stderr: '' });
});

test('every command explains itself with --help', async () => {
  const commands = ['serve', 'import', 'export', 'verify', 'backup', 'backups', 'restore', 'reseal', 'copy', 'gc', 'stats', 'token'];
  const outcomes = await Promise.all(commands.map((command) => spacestore(command, '--help')));
  for (const { code, stdout } of outcomes) {
    expect(code).toBe(0);
    expect(stdout).toContain('--json');
  }
});
