import { parseSecretName, parseUserId } from '@spacestore/core';
import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { failureOf, newUrl, op, openStores, other, readAllPages, sql, ws } from './kit.ts';
import { openProxy } from './support/proxy.ts';
import { sharedServer } from './support/server.ts';

/** A session beside the stores, in a transaction that is rolled back at the end. */
async function session(url: string, binding: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('BEGIN');
  await client.query("SELECT set_config('search_path', 'spacestore', true), set_config('spacestore.workspaces', $1, true)", [binding]);
  return client;
}

const lock = 'SELECT 1 FROM head WHERE workspace = $1 FOR UPDATE';

/** Resolves when a statement of the stores waits for a lock, with its backend. */
async function blocked(url: string): Promise<number> {
  for (;;) {
    const [found] = await sql(
      url,
      "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'spacestore' AND wait_event_type = 'Lock'",
    );
    if (found) return found[0] as number;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('a backend that is killed in the middle leaves nothing, and the same append succeeds after it', async () => {
  const url = await newUrl();
  const { ops } = openStores(url);
  await ops.append(ws, [op('a', 1)]);
  const holder = await session(url, 'w');
  await holder.query(lock, ['w']);
  const failing = failureOf(ops.append(ws, [op('a', 2), op('b', 1)]));
  await sql(url, 'SELECT pg_terminate_backend($1)', [await blocked(url)]);
  expect(await failing).toMatchObject({ code: 'unavailable', retryable: true, context: { engine: '57P01' } });
  await holder.query('ROLLBACK');
  expect((await readAllPages(ops)).length).toBe(1);
  expect(await ops.append(ws, [op('a', 2), op('b', 1)])).toMatchObject({ added: 2, committedAt: 3 });
});

test('an append whose answer is lost is unavailable; it is there once, and a retry is told so', async () => {
  const url = await newUrl();
  const proxy = await openProxy(url);
  onTestFinished(proxy.close);
  const { ops, secrets } = openStores(proxy.url);
  await ops.append(ws, [op('a', 1)]);
  const swallowed = proxy.swallowAnswerTo('COMMIT\0');
  const failing = failureOf(ops.append(ws, [op('a', 2), op('a', 3)]));
  await swallowed;
  expect(await failing).toMatchObject({ code: 'unavailable', retryable: true });
  expect((await openStores(url).ops.head(ws))?.position).toBe(3);
  expect(await ops.append(ws, [op('a', 2), op('a', 3)])).toMatchObject({ added: 0, committedAt: 3 });
  expect(await ops.append(ws, [op('a', 4)])).toMatchObject({ added: 1, committedAt: 4 });
  expect((await readAllPages(ops)).map(({ counter }) => counter)).toEqual([1, 2, 3, 4]);

  const name = parseSecretName('s');
  const write = { ifVersion: 0, writeId: 'once' };
  const again = proxy.swallowAnswerTo('COMMIT\0');
  const losing = failureOf(secrets.set(ws, name, Uint8Array.of(1), write));
  await again;
  expect((await losing).code).toBe('unavailable');
  expect(await secrets.set(ws, name, Uint8Array.of(1), write)).toEqual({ version: 1 });
});

test('a database that cannot be reached is unavailable in every call, never empty, and found again', async () => {
  const url = await newUrl();
  const proxy = await openProxy(url);
  onTestFinished(proxy.close);
  const { ops, secrets, files, directory, ready } = openStores(proxy.url);
  await ops.append(ws, [op('a', 1)]);
  proxy.cut();
  const name = parseSecretName('s');
  for (const call of [
    () => ops.append(ws, [op('a', 2)]),
    () => ops.read(ws, { limit: 10 }),
    () => ops.head(ws),
    () => ops.workspaces({ limit: 10 }),
    () => ops.vector(ws, { limit: 10 }),
    () => ops.snapshot(ws),
    () => ops.drop(ws),
    () => secrets.get(ws, name),
    () => files.list(ws, { limit: 10 }),
    () => directory.get(ws),
    () => ready(),
  ])
    expect((await failureOf(call())).code).toBe('unavailable');
  proxy.heal();
  expect((await readAllPages(ops)).length).toBe(1);
});

test('a database that does not answer any more is given up, and found again', async () => {
  const url = await newUrl();
  const proxy = await openProxy(url);
  onTestFinished(proxy.close);
  const { ops } = openStores(proxy.url, { statementTimeoutMs: 100, connectTimeoutMs: 500 });
  await ops.append(ws, [op('a', 1)]);
  proxy.freeze();
  const outcomes = await Promise.allSettled([ops.append(ws, [op('a', 2)]), ops.append(other, [op('a', 2)]), ops.read(ws, { limit: 10 })]);
  for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
  proxy.heal();
  expect(await ops.append(ws, [op('a', 2)])).toMatchObject({ added: 1, committedAt: 2 });
});

test('who waits too long for another transaction is busy; other workspaces of the same turn are not', async () => {
  const url = await newUrl();
  const { ops } = openStores(url, { lockTimeoutMs: 200 });
  await Promise.all([ops.append(ws, [op('a', 1)]), ops.append(other, [op('a', 1)])]);
  const holder = await session(url, 'w');
  await holder.query(lock, ['w']);
  const [held, free] = await Promise.allSettled([ops.append(ws, [op('a', 2)]), ops.append(other, [op('a', 2)])]);
  expect(held).toMatchObject({ status: 'rejected', reason: { code: 'busy', retryable: true, context: { engine: '55P03' } } });
  expect(free).toMatchObject({ status: 'fulfilled', value: { added: 1, committedAt: 2 } });
  await holder.query('ROLLBACK');
  expect(await ops.append(ws, [op('a', 2)])).toMatchObject({ added: 1, committedAt: 2 });
});

test('a statement that takes too long is busy, and leaves nothing', async () => {
  const url = await newUrl();
  const { ops } = openStores(url, { statementTimeoutMs: 200 });
  await ops.append(ws, [op('a', 1)]);
  const holder = await session(url, 'w');
  await holder.query(lock, ['w']);
  expect(await failureOf(ops.append(ws, [op('a', 2)]))).toMatchObject({ code: 'busy', context: { engine: '57014' } });
  await holder.query('ROLLBACK');
  expect((await readAllPages(ops)).length).toBe(1);
});

test('of two transactions that wait for each other the store’s gives way and is tried again', async () => {
  const url = await newUrl();
  const { ops } = openStores(url);
  await Promise.all([ops.append(ws, [op('a', 1)]), ops.append(other, [op('a', 1)])]);
  // A superuser, who alone may wait patiently enough that the store's transaction is the one to be given up.
  const holder = await session((await sharedServer()).replace(/\/[^/?]*$/, `/${url.split('/').at(-1)}`), 'w,x');
  await holder.query("SET LOCAL deadlock_timeout = '1min'");
  await holder.query(lock, ['x']);
  const appends = Promise.all([ops.append(ws, [op('a', 2)]), ops.append(other, [op('a', 2)])]); // locks w, waits for x
  await blocked(url);
  await holder.query(lock, ['w']); // waits for the store's transaction, until that is given up
  await holder.query('ROLLBACK');
  expect(await appends).toMatchObject([{ added: 1 }, { added: 1 }]);
});

test('a log that another server dropped and began anew is not taken for the one that was known', async () => {
  const url = await newUrl();
  const [one, two] = [openStores(url).ops, openStores(url).ops];
  await one.append(ws, [op('a', 1), op('a', 2)]);
  await two.drop(ws);
  expect(await one.append(ws, [op('a', 1)])).toMatchObject({ added: 1, committedAt: 1 });
  await two.drop(ws);
  await two.append(ws, [op('b', 5)]);
  expect(await one.append(ws, [op('a', 1), op('b', 5)])).toMatchObject({ added: 1, committedAt: 1 });
  expect((await readAllPages(two)).map(({ peer, counter }) => `${peer}${counter}`)).toEqual(['b5', 'a1']);
});

test('errors tell no values', async () => {
  const url = await newUrl();
  const { directory } = openStores(url);
  await directory.audit({ user: parseUserId('ann'), action: 'first', outcome: 'done', detail: {} });
  await sql(url, "ALTER TABLE spacestore.audit ADD CHECK (detail NOT LIKE '%canary%')");
  const error = await failureOf(directory.audit({ action: 'second', outcome: 'done', detail: { secret: 'a canary' } }));
  expect(error.code).toBe('internal');
  expect(JSON.stringify([error.message, error.context, String(error.cause), error.cause])).not.toContain('canary');
});
