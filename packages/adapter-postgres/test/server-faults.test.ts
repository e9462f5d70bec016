import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { failureOf, op, openStores, readAllPages, ws } from './kit.ts';
import { type Embedded, type EmbeddedOptions, startEmbedded } from './support/embedded.ts';
import { addressOf, asAdmin } from './support/server.ts';

/** A server of the test's own, and the address of an ordinary user's database in it. */
async function ownServer(options: EmbeddedOptions = {}): Promise<Embedded & { readonly database: string }> {
  const server = await startEmbedded(options);
  onTestFinished(() => server.remove());
  await asAdmin(server.url, async (client) => {
    await client.query("CREATE ROLE app LOGIN PASSWORD 'password'");
    await client.query('CREATE DATABASE app OWNER app');
  });
  return { ...server, database: addressOf(server.url, 'app', 'app', 'password') };
}

test('while the server is restarted calls are unavailable; afterwards everything acknowledged is there, and hints come in again', async () => {
  const server = await ownServer();
  const stores = openStores(server.database);
  let connections = 0;
  let told = (): void => undefined;
  stores.hints.subscribe({
    hint: () => undefined,
    reconnected: () => {
      connections++;
      told();
    },
  });
  const connected = (times: number): Promise<void> =>
    new Promise((resolve) => {
      told = () => connections >= times && resolve();
      told();
    });
  await connected(1);
  let acknowledged = 0;
  for (; acknowledged < 20; acknowledged++) await stores.ops.append(ws, [op('a', acknowledged)]);
  await server.stop();
  expect(await failureOf(stores.ops.append(ws, [op('a', 99)]))).toMatchObject({ code: 'unavailable', retryable: true });
  expect(await failureOf(stores.ops.read(ws, { limit: 10 }))).toMatchObject({ code: 'unavailable' });
  expect(stores.hints.isListening()).toBe(false);
  await server.start();
  expect((await readAllPages(stores.ops)).map(({ counter }) => counter)).toEqual(Array.from({ length: acknowledged }, (_, i) => i));
  expect(await stores.ops.append(ws, [op('a', 99)])).toMatchObject({ added: 1 });
  await connected(2);
});

test('a database that forgets what it acknowledged is refused', async () => {
  const server = await ownServer({ flags: ['-c', 'fsync=off'] });
  expect(await failureOf(openStores(server.database).ops.head(ws))).toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('fsync'),
  });
});

test('one without checksums is refused unless asked for, and integrity is not claimed then', async () => {
  const server = await ownServer({ initdb: ['--no-data-checksums'] });
  const strict = openStores(server.database);
  expect(strict.ops.capabilities.integrity).toBe(true);
  expect((await failureOf(strict.ops.head(ws))).message).toContain('data_checksums');
  const { ops } = openStores(server.database, { checksums: false });
  expect(ops.capabilities.integrity).toBe(false);
  expect(await ops.append(ws, [op('a', 1)])).toMatchObject({ added: 1 });
});

/** Where a file system of 200 MB is, all of a test's own; undefined where none may be mounted. */
function smallDisk(): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'spacestore-small-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  if (spawnSync('mount', [...tmpfs, dir], { stdio: 'ignore' }).status !== 0) return undefined;
  onTestFinished(() => void spawnSync('umount', ['-l', dir]));
  return dir;
}

const tmpfs = ['-t', 'tmpfs', '-o', 'size=200m,mode=755', 'tmpfs'];

function canMount(): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'spacestore-small-'));
  const isMounted = spawnSync('mount', [...tmpfs, dir], { stdio: 'ignore' }).status === 0;
  if (isMounted) spawnSync('umount', [dir]);
  rmSync(dir, { recursive: true });
  return isMounted;
}

/** Another program takes all the room there is. */
function fill(path: string): void {
  const block = new Uint8Array(1024 * 1024);
  const file = openSync(path, 'w');
  try {
    for (let size = block.length; size > 0; ) if (written(file, block.subarray(0, size)) < size) size = Math.floor(size / 2);
  } finally {
    closeSync(file);
  }
}

/** Bytes written; fewer than given on a full disk. */
function written(file: number, bytes: Uint8Array): number {
  try {
    return writeSync(file, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return 0;
    throw error;
  }
}

test.skipIf(!canMount())(
  'on a full disk appends are unavailable, nothing is half, reading goes on, and writing when there is room again',
  async () => {
    const under = smallDisk();
    if (under === undefined) return expect.unreachable();
    const server = await ownServer({ under });
    const { ops } = openStores(server.database);
    const records = (n: number) => [0, 1].map((i) => op('a', 2 * n + i, randomBytes(200_000).toString('hex')));
    let acknowledged = 0;
    for (; acknowledged < 3; acknowledged++) await ops.append(ws, records(acknowledged));
    fill(join(under, 'filler'));
    let failure: unknown;
    // Some room may be left in files that are there already.
    while (failure === undefined && acknowledged < 500)
      await ops.append(ws, records(acknowledged)).then(
        () => acknowledged++,
        (error: unknown) => {
          failure = error;
        },
      );
    expect(failure).toMatchObject({ code: 'unavailable', retryable: true });
    const counters = async (): Promise<readonly number[]> =>
      (await readAllPages(ops, { limit: 1000, limitBytes: 4_000_000 })).map(({ counter }) => counter);
    const expected = Array.from({ length: 2 * acknowledged }, (_, i) => i);
    expect(await counters()).toEqual(expected);
    rmSync(join(under, 'filler'));
    expect(await ops.append(ws, records(acknowledged))).toMatchObject({ added: 2, committedAt: 2 * acknowledged + 2 });
    expect((await counters()).length).toBe(expected.length + 2);
  },
);
