import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSecretName, parseWorkspaceId } from '@spacestore/core';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { failureOf, newDir, op, openStores, readAllPages, ws } from './kit.ts';

test('two handles in turn never lose a record, repeat a position or trust an old memory', async () => {
  const dir = newDir();
  const stores = [openStores(dir), openStores(dir)];
  for (let i = 0; i < 40; i++) {
    const { ops } = stores[i % 2] as (typeof stores)[number];
    await ops.append(ws, [op(`p${i % 3}`, i, `${i}`, `t${i % 5}`)]);
    // The other one has just brought this id.
    if (i > 0)
      expect((await failureOf(ops.append(ws, [op(`p${(i - 1) % 3}`, i - 1, 'other', `t${(i - 1) % 5}`)]))).code).toBe('equivocation');
  }
  for (const { ops } of stores) {
    const records = await readAllPages(ops);
    expect(records.map(({ counter }) => counter)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(records.map(({ position }) => position)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  }
});

test('a log that another handle dropped, or restored, is not written into by the first', async () => {
  const dir = newDir();
  const [one, two] = [openStores(dir), openStores(dir)];
  await one.ops.append(ws, [op('a', 1, 'old')]);
  const snapshot = await one.ops.snapshot(ws);
  const cursor = (await one.ops.append(ws, [op('a', 2)])).through;
  await two.ops.drop(ws);
  expect(await one.ops.head(ws)).toBeUndefined();
  expect((await one.ops.append(ws, [op('a', 1, 'new')])).added).toBe(1);
  expect((await readAllPages(two.ops)).map(({ body }) => new TextDecoder().decode(body))).toEqual(['new']);
  if (!snapshot || !cursor) throw new Error('nothing to restore');
  await two.ops.restore(ws, snapshot);
  await one.ops.append(ws, [op('b', 1)]);
  expect((await readAllPages(two.ops)).map(({ body }) => new TextDecoder().decode(body))).toEqual(['old', 'b1']);
  expect((await failureOf(one.ops.read(ws, { limit: 1, after: cursor }))).code).toBe('stale_cursor');
});

test('processes that write at once lose nothing', async () => {
  const dir = newDir();
  const child = fileURLToPath(new URL('./writer.child.ts', import.meta.url));
  const each = 60;
  const children = ['x', 'y'].map((peer) =>
    fork(child, [dir, peer, String(each)], { execArgv: ['--conditions=@spacestore/source', '--disable-warning=ExperimentalWarning'] }),
  );
  const codes = await Promise.all(children.map(async (process) => (await once(process, 'exit'))[0] as unknown));
  expect(codes).toEqual([0, 0]);
  const { ops, verifyWorkspace } = openStores(dir);
  const records = await readAllPages(ops);
  expect(records.map(({ position }) => position)).toEqual(Array.from({ length: 2 * each }, (_, i) => i + 1));
  for (const peer of ['x', 'y'])
    expect(records.filter((record) => record.peer === peer).map(({ counter }) => counter)).toEqual(
      Array.from({ length: each }, (_, i) => i),
    );
  expect((await verifyWorkspace(ws))?.problems).toEqual([]);
});

test('a file just opened serves its call, also where all that may be open are in use', async () => {
  const { ops } = openStores(newDir(), { maxOpenFiles: 1 });
  for (let i = 0; i < 6; i++) await ops.append(ws, [op('a', i, 'x'.repeat(900_000))]);
  const others = ['x', 'y', 'z'].map((id) => parseWorkspaceId(id));
  const [snapshot, ...added] = await Promise.all([ops.snapshot(ws), ...others.map((other) => ops.append(other, [op('a', 1)]))]);
  expect(snapshot).toBeDefined();
  expect(added.map((each) => each.added)).toEqual([1, 1, 1]);
});

test('a drop that somebody’s open read holds up says so, and is ended by the next one', async () => {
  const dir = newDir();
  const { ops, secrets } = openStores(dir, { busyTimeoutMs: 10 });
  const bytesOnDisk = (): string =>
    readdirSync(dir)
      .map((name) => readFileSync(join(dir, name), 'latin1'))
      .join('');
  for (const keepsFile of [true, false]) {
    if (keepsFile) await secrets.set(ws, parseSecretName('s'), new Uint8Array([1]), { ifVersion: 0, writeId: 'w1' });
    else await secrets.drop(ws);
    await ops.append(ws, [op('a', 1, 'what was dropped')]);
    const reader = new Database(join(dir, 'workspace-w.db'));
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM record').get();
    expect((await failureOf(ops.drop(ws))).code).toBe('busy');
    reader.close();
    await ops.drop(ws);
    expect(await ops.head(ws)).toBeUndefined();
    expect(bytesOnDisk()).not.toContain('what was dropped');
  }
});
