import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
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

/** A file system of its own, so small that a log fills it. */
function smallDisk(): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'spacestore-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160m,mode=755', 'tmpfs', dir], { stdio: 'ignore' });
  } catch (error) {
    void error; // not allowed here
    rmSync(dir, { recursive: true });
    return undefined;
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', dir]);
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

const mayMount = process.getuid?.() === 0 || process.env.SPACESTORE_REQUIRE_ALL === '1';

test.skipIf(!mayMount)(
  'on a full disk appends are unavailable, nothing is half, reading goes on, and writing when there is room again',
  async () => {
    const under = smallDisk();
    if (under === undefined) return expect.unreachable('no file system could be mounted');
    // Little write-ahead log is kept, so that what fills the disk is the records.
    const server = await ownServer({ under, flags: ['-c', 'max_wal_size=32MB', '-c', 'min_wal_size=32MB', '-c', 'wal_recycle=off'] });
    const { ops } = openStores(server.database);
    const body = 'x'.repeat(500_000);
    let acknowledged = 0;
    let failure: unknown;
    for (; failure === undefined && acknowledged < 2000; acknowledged += 2) {
      const filler = Array.from(crypto.getRandomValues(new Uint8Array(1000)), (byte) => String.fromCharCode(33 + (byte % 90))).join('');
      const records = [0, 1].map((n) => op('a', acknowledged + n, `${filler}${body.slice(0, 1000)}${filler.repeat(300)}`));
      failure = await ops.append(ws, records).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure !== undefined) break;
    }
    expect(failure).toMatchObject({ code: 'unavailable', retryable: true });
    expect((await readAllPages(ops, { limit: 1000, limitBytes: 4_000_000 })).map(({ counter }) => counter)).toEqual(
      Array.from({ length: acknowledged }, (_, i) => i),
    );
    await asAdmin(addressOf(server.url, 'app', 'postgres', 'password'), async (client) => {
      await client.query('TRUNCATE spacestore.record, spacestore.chain, spacestore.pair, spacestore.head');
      await client.query('CHECKPOINT');
    });
    expect(await ops.append(ws, [op('a', 1)])).toMatchObject({ added: 1, committedAt: 1 });
  },
);
