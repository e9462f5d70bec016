import { type SqliteEngine, type SqliteHandle, sqliteFileStores } from '@spacestore/core/sql';
import { nodeFolder } from '@spacestore/core/sql/folder';
import { expect, onTestFinished, test } from 'vitest';
import { betterSqlite } from '../src/driver.ts';
import { failureOf, newDir, op, openStores, readAllPages, ws } from './kit.ts';

/** The real engine, except for what `change` does to each handle. */
function openWith(dir: string, change: (handle: SqliteHandle) => SqliteHandle, now = () => 1) {
  const engine: SqliteEngine = { ...betterSqlite, open: (path, mode) => change(betterSqlite.open(path, mode)) };
  const stores = sqliteFileStores(engine, nodeFolder(dir), (run) => void setImmediate(run), { clock: { now }, fullRetryMs: 1000 });
  onTestFinished(() => stores.close());
  return stores;
}

const ioError = () => Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_FSYNC' });

test('the calls of one turn share a commit, and the refusal of one leaves the others whole', async () => {
  let commits = 0;
  const { ops } = openWith(newDir(), (handle) => ({
    ...handle,
    run: (sql, values) => {
      if (sql === 'COMMIT') commits++;
      return handle.run(sql, values);
    },
  }));
  await ops.append(ws, [op('a', 1)]);
  commits = 0;
  const calls = [[op('b', 1), op('b', 2)], [op('c', 1), op('a', 1, 'other')], [op('c', 1), op('d', 1)], []];
  const settled = await Promise.allSettled(calls.map((records) => ops.append(ws, records)));
  expect(commits).toBe(1);
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  const records = await readAllPages(ops);
  expect(records.map(({ peer, counter, position }) => `${position}:${peer}${counter}`)).toEqual(['1:a1', '2:b1', '3:b2', '4:c1', '5:d1']);
});

test('a commit that is refused as busy leaves the file open, and nothing it would have written is taken for true', async () => {
  let refusing = false;
  let opened = 0;
  const { ops } = openWith(newDir(), (handle) => {
    opened++;
    return {
      ...handle,
      run: (sql, values) => {
        if (sql === 'COMMIT' && refusing) throw Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' });
        return handle.run(sql, values);
      },
    };
  });
  await ops.append(ws, [op('a', 1)]);
  const before = [opened, await ops.head(ws)];
  refusing = true;
  expect((await failureOf(ops.append(ws, [op('a', 2), op('b', 1)]))).code).toBe('busy');
  refusing = false;
  expect([opened, await ops.head(ws)]).toEqual(before);
  expect(await ops.append(ws, [op('a', 2)])).toMatchObject({ added: 1, committedAt: 2 });
  expect((await readAllPages(ops)).map(({ peer, counter, position }) => `${position}:${peer}${counter}`)).toEqual(['1:a1', '2:a2']);
});

test.each([
  ['before', false],
  ['after', true],
])('a commit that fails %s it took effect is unavailable for every call of its group, and a retry heals it', async (_, tookEffect) => {
  let failing = false;
  let opened = 0;
  const { ops, verifyWorkspace } = openWith(newDir(), (handle) => {
    opened++;
    return {
      ...handle,
      run: (sql, values) => {
        if (sql !== 'COMMIT' || !failing) return handle.run(sql, values);
        if (tookEffect) handle.run(sql, values);
        throw ioError();
      },
    };
  });
  await ops.append(ws, [op('a', 1)]);
  failing = true;
  const before = opened;
  // New trees and peers too: what was interned in vain must not be remembered.
  const calls = [[op('b', 1)], [op('a', 1, 'other')], [op('c', 1, 'x', 'new')]];
  const errors = await Promise.all(calls.map((records) => failureOf(ops.append(ws, records))));
  expect(errors.map(({ code }) => code)).toEqual(['unavailable', 'unavailable', 'unavailable']);
  failing = false;
  const added = await Promise.all([calls[0], calls[2]].map(async (records) => (await ops.append(ws, records ?? [])).added));
  expect(added).toEqual(tookEffect ? [0, 0] : [1, 1]);
  expect(opened).toBeGreaterThan(before);
  expect((await readAllPages(ops)).map(({ tree, peer, counter }) => `${tree}/${peer}${counter}`)).toEqual(['t/a1', 't/b1', 'new/c1']);
  expect((await verifyWorkspace(ws))?.problems).toEqual([]);
});

test('a full disk refuses writes and says so, while reading goes on, until there is room', async () => {
  const dir = newDir();
  let time = 0;
  let full = false;
  const { ops, health, verifyWorkspace } = openWith(
    dir,
    (handle) => ({
      ...handle,
      run: (sql, values) => {
        if (sql === 'BEGIN IMMEDIATE') handle.rows(`PRAGMA max_page_count = ${full ? 1 : 1_000_000}`, []);
        return handle.run(sql, values);
      },
    }),
    () => time,
  );
  await ops.append(ws, [op('a', 1)]);
  full = true;
  const large = Array.from({ length: 200 }, (_, i) => op('b', i, 'x'.repeat(5000)));
  expect((await failureOf(ops.append(ws, large))).code).toBe('unavailable');
  expect(health()).toMatchObject({ writable: false, reason: 'disk full', since: 0 });
  full = false;
  time = 999;
  expect((await failureOf(ops.append(ws, [op('b', 1)]))).code).toBe('unavailable');
  expect((await readAllPages(ops)).length).toBe(1);
  time = 1000;
  expect((await ops.append(ws, large)).added).toBe(200);
  expect(health().writable).toBe(true);
  expect((await verifyWorkspace(ws))?.problems).toEqual([]);
});

test('another writer that stays is busy, and nothing of the call is left', async () => {
  const dir = newDir();
  const { ops } = openStores(dir, { busyTimeoutMs: 1 });
  await ops.append(ws, [op('a', 1)]);
  const other = betterSqlite.open(`${dir}/workspace-w.db`, 'existing');
  other.exec('BEGIN IMMEDIATE');
  const error = await failureOf(ops.append(ws, [op('b', 1)]));
  expect([error.code, error.retryable]).toEqual(['busy', true]);
  other.exec('COMMIT');
  other.close();
  expect((await ops.append(ws, [op('b', 1)])).added).toBe(1);
  expect((await readAllPages(ops)).length).toBe(2);
});

test('a group takes no further call past 2048 records, and splits none', async () => {
  const { ops } = openStores();
  const calls = [2000, 100, 3000, 1].map((count, call) => Array.from({ length: count }, (_, i) => op(`p${call}`, i)));
  const throughs = (await Promise.all(calls.map((records) => ops.append(ws, records)))).map(({ through }) => through?.split('.')[1]);
  expect(throughs).toEqual(['2100', '2100', '5100', '5101']);
});
