import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteSource, parseSecretName, parseUserId, parseWorkspaceId } from '@spacestore/core';
import { type RestoreFile, restoreFile, sqliteFileStores } from '@spacestore/core/sql';
import { nodeFolder } from '@spacestore/core/sql/folder';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { betterSqlite } from '../src/driver.ts';
import { failureOf, newDir, op, openStores, readAllPages, ws } from './kit.ts';

const all = { limit: 1000 };

async function bytesOf(source: ByteSource): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.open()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function sourceOf(bytes: Uint8Array): ByteSource {
  return {
    open: async function* () {
      for (let at = 0; at < bytes.length; at += 1000) yield bytes.slice(at, at + 1000);
    },
  };
}

async function snapshotOf(store: { readonly snapshot: (workspace: typeof ws) => Promise<ByteSource | undefined> }): Promise<ByteSource> {
  const snapshot = await store.snapshot(ws);
  if (!snapshot) throw new Error('nothing to snapshot');
  return snapshot;
}

describe('a snapshot', () => {
  test('holds one moment, though writes go on while it is made', async () => {
    const { ops } = openStores();
    for (let i = 0; i < 30; i++) await ops.append(ws, [op('a', i, 'x'.repeat(50_000))]);
    let making = true;
    const snapshot = snapshotOf(ops).finally(() => {
      making = false;
    });
    const acknowledged: number[] = [];
    for (let i = 30; making; i++) {
      await ops.append(ws, [op('a', i), op('b', i)]);
      acknowledged.push(i);
    }
    const other = openStores();
    const head = await other.ops.restore(ws, await snapshot);
    expect(head.position).toBeGreaterThanOrEqual(30);
    // Whole calls alone.
    expect((head.position - 30) % 2).toBe(0);
    expect(acknowledged.length).toBeGreaterThan(0);
    expect((await other.verifyWorkspace(ws))?.problems).toEqual([]);
  });

  test('can be read again, has the size it says, and its file goes when the store is closed', async () => {
    const dir = newDir();
    const stores = openStores(dir);
    await stores.ops.append(ws, [op('a', 1)]);
    const snapshot = await snapshotOf(stores.ops);
    const [first, second] = [await bytesOf(snapshot), await bytesOf(snapshot)];
    expect(first.equals(second)).toBe(true);
    expect(first.length).toBe(snapshot.sizeBytes);
    await stores.close();
    expect(readdirSync(dir).filter((name) => name.startsWith('.tmp'))).toEqual([]);
  });

  test('can be opened as a database by anyone', async () => {
    const { ops } = openStores();
    await ops.append(ws, [op('a', 1, '["m","x",null]')]);
    const path = join(newDir(), 'copy.db');
    writeFileSync(path, await bytesOf(await snapshotOf(ops)));
    const plain = new Database(path);
    expect(plain.prepare('SELECT target_id FROM tree_ops').pluck().all()).toEqual(['x']);
    expect(plain.pragma('integrity_check', { simple: true })).toBe('ok');
    plain.close();
  });
});

describe('a restore', () => {
  test('brings back records, who handed them in, secrets and files, under a new history', async () => {
    const { ops, secrets } = openStores();
    const name = parseSecretName('k');
    const early = (await ops.append(ws, [op('a', 1)], { via: parseUserId('ann') })).through;
    await secrets.set(ws, name, new Uint8Array([1]), { ifVersion: 0, writeId: 'x' });
    const snapshot = await snapshotOf(ops);
    const before = await readAllPages(ops);
    const late = (await ops.append(ws, [op('a', 2)])).through;
    await secrets.set(ws, name, new Uint8Array([2]), { ifVersion: 1, writeId: 'y' });
    const old = await ops.head(ws);
    const head = await ops.restore(ws, snapshot);
    expect(head.incarnation).not.toBe(old?.incarnation);
    expect(head.lineage.map(({ incarnation }) => incarnation)).toEqual([old?.incarnation]);
    expect(await readAllPages(ops)).toEqual(before);
    expect((await secrets.get(ws, name))?.value).toEqual(new Uint8Array([1]));
    if (!early || !late) throw new Error('no cursors');
    expect((await ops.read(ws, { ...all, after: early })).through).toBe(head.cursor);
    expect((await failureOf(ops.read(ws, { ...all, after: late }))).code).toBe('stale_cursor');
    expect((await ops.append(ws, [op('b', 1)])).committedAt).toBe(2);
  });

  test('keeps the higher epoch, and works where the workspace never was', async () => {
    const [one, two] = [openStores(), openStores()];
    await one.ops.append(ws, [op('a', 1)]);
    await one.ops.fence(ws, 4);
    const snapshot = await snapshotOf(one.ops);
    await one.ops.fence(ws, 6);
    expect((await one.ops.restore(ws, snapshot)).epoch).toBe(6);
    expect((await two.ops.restore(ws, snapshot)).epoch).toBe(4);
  });

  test('of anything but a whole snapshot of this workspace is refused and leaves the log and the folder as they were', async () => {
    const dir = newDir();
    const { ops } = openStores(dir);
    await ops.append(ws, [op('a', 1)]);
    const head = await ops.head(ws);
    const snapshot = await snapshotOf(ops);
    const bytes = await bytesOf(snapshot);
    const names = readdirSync(dir);
    const other = parseWorkspaceId('v');
    expect((await failureOf(ops.restore(other, sourceOf(bytes)))).code).toBe('invalid');
    expect(await ops.head(other)).toBeUndefined();
    for (let at = 0; at < bytes.length; at += 997) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] as number) ^ 1;
      expect((await failureOf(ops.restore(ws, sourceOf(flipped)))).code).toBe('corrupt');
      expect((await failureOf(ops.restore(ws, sourceOf(bytes.subarray(0, at))))).code).toBe('corrupt');
    }
    expect(await ops.head(ws)).toEqual(head);
    expect(readdirSync(dir)).toEqual(names);
    expect(snapshot.sizeBytes).toBe(bytes.length); // held until here: its file goes with it
  });

  test('is held to the limits of the store it goes to', async () => {
    const [large, small] = [openStores(), openStores(undefined, { maxBodyBytes: 3 })];
    await large.ops.append(ws, [op('a', 1, 'xxxx')]);
    expect((await failureOf(small.ops.restore(ws, await snapshotOf(large.ops)))).code).toBe('too_large');
    const tiny = openStores(undefined, { maxSnapshotBytes: 100 });
    expect((await failureOf(tiny.ops.restore(ws, await snapshotOf(large.ops)))).code).toBe('too_large');
    expect(await small.ops.head(ws)).toBeUndefined();
  });
});

describe('while a restore is carried out', () => {
  test('the workspace is read as it was, what is written to it waits, and others go on', async () => {
    let release: () => void = () => undefined;
    let begun: () => void = () => undefined;
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const held: RestoreFile = async (job) => {
      begun();
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return restoreFile(betterSqlite, job);
    };
    const stores = sqliteFileStores(betterSqlite, nodeFolder(newDir()), (run) => void setImmediate(run), {}, held);
    const { ops, secrets } = stores;
    const other = parseWorkspaceId('other');
    await ops.append(ws, [op('a', 1)]);
    const snapshot = await snapshotOf(ops);
    await ops.append(ws, [op('a', 2)]);
    const done: string[] = [];
    const restored = ops.restore(ws, snapshot).then((head) => {
      done.push('restored');
      return head;
    });
    await started;
    const appended = ops.append(ws, [op('a', 3)]).then((result) => {
      done.push('appended');
      return result;
    });
    const secret = secrets.set(ws, parseSecretName('s'), Uint8Array.of(1), { ifVersion: 0, writeId: 'w' }).then(() => done.push('secret'));
    expect(await ops.append(other, [op('a', 1)])).toMatchObject({ added: 1 });
    expect((await ops.head(ws))?.records).toBe(2);
    expect(done).toEqual([]);
    release();
    // What waited is judged by what was restored.
    expect(await restored).toMatchObject({ records: 1 });
    expect(await appended).toMatchObject({ added: 1, committedAt: 2 });
    await secret;
    expect((await stores.verifyWorkspace(ws))?.problems).toEqual([]);
    await stores.close();
  });

  test('a thread of its own does the work', async () => {
    const { ops, close } = openStores();
    await ops.append(ws, [op('a', 1)]);
    const threads: unknown[] = [];
    const note = (worker: unknown): void => void threads.push(worker);
    process.on('worker', note);
    await ops.restore(ws, await snapshotOf(ops));
    process.off('worker', note);
    expect(threads).toHaveLength(1);
    await close();
  });

  test('a failure in that thread is told as what it is, and writing goes on', async () => {
    const dir = newDir();
    const { ops, close } = openStores(dir, { busyTimeoutMs: 1 });
    await ops.append(ws, [op('a', 1)]);
    const snapshot = await snapshotOf(ops);
    const blocker = new Database(join(dir, `workspace-${ws}.db`));
    blocker.exec('BEGIN IMMEDIATE');
    expect((await failureOf(ops.restore(ws, snapshot))).code).toBe('busy');
    blocker.close();
    expect(await ops.append(ws, [op('a', 2)])).toMatchObject({ committedAt: 2 });
    await close();
  });
});
