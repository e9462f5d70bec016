import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSecretName, parseWorkspaceId } from '@spacestore/core';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { failureOf, newDir, op, openStores, readAllPages, ws } from './kit.ts';

const v = parseWorkspaceId('v');
const all = { limit: 100 };

describe('a folder', () => {
  test('holds one file for each workspace, which nobody else may look into', async () => {
    const dir = join(newDir(), 'deep');
    const { ops } = openStores(dir);
    await ops.append(ws, [op('a', 1)]);
    await ops.append(v, [op('a', 1)]);
    expect(readdirSync(dir).filter((name) => name.endsWith('.db'))).toEqual(['workspace-v.db', 'workspace-w.db']);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(dir)) expect(`${name} ${(statSync(join(dir, name)).mode & 0o777).toString(8)}`).toBe(`${name} 600`);
  });

  test('gets no file from questions, refusals and appends that need an existing log', async () => {
    const dir = newDir();
    const { ops, secrets, files } = openStores(dir);
    await ops.read(ws, all);
    await ops.append(ws, []);
    await ops.drop(ws);
    await secrets.getAll(ws);
    await files.list(ws, all);
    expect((await failureOf(ops.append(ws, [op('a', 1)], { ifEpoch: 1 }))).code).toBe('not_found');
    expect((await failureOf(ops.append(ws, [op('a', 1), op('a', 1, 'other')]))).code).toBe('equivocation');
    expect((await ops.workspaces(all)).items).toEqual([]);
    expect(readdirSync(dir).filter((name) => name.startsWith('workspace'))).toEqual([]);
  });

  test('keeps no more files open than it may, and goes on with those that were closed', async () => {
    const { ops, health } = openStores(undefined, { maxOpenFiles: 2 });
    const ids = ['a', 'b', 'c', 'd'].map(parseWorkspaceId);
    for (const id of ids) await ops.append(id, [op('p', 1)]);
    expect(health().openFiles).toBe(2);
    for (const id of ids) await ops.append(id, [op('p', 2)]);
    for (const id of ids) expect((await ops.head(id))?.records).toBe(2);
    expect(health().openFiles).toBe(2);
  });

  test('lets a file go with the last of its stores, and not before', async () => {
    const dir = newDir();
    const { ops, secrets, files } = openStores(dir);
    const name = parseSecretName('key');
    await ops.append(ws, [op('a', 1, 'canary-of-the-log')]);
    await secrets.set(ws, name, new Uint8Array([1]), { ifVersion: 0, writeId: 'x' });
    await ops.drop(ws);
    expect(await ops.head(ws)).toBeUndefined();
    expect((await ops.workspaces(all)).items).toEqual([]);
    expect((await secrets.get(ws, name))?.version).toBe(1);
    const bytes = readdirSync(dir).map((file) => readFileSync(join(dir, file), 'latin1'));
    expect(bytes.some((text) => text.includes('canary-of-the-log'))).toBe(false);
    await files.drop(ws);
    await secrets.drop(ws);
    expect(readdirSync(dir).filter((file) => file.startsWith('workspace'))).toEqual([]);
    await ops.append(ws, [op('a', 1)]);
    expect((await readAllPages(ops)).length).toBe(1);
  });

  test('ends a removal that was interrupted', async () => {
    const dir = newDir();
    const first = openStores(dir);
    await first.ops.fence(ws, 1);
    await first.close();
    const raw = new Database(join(dir, 'workspace-w.db'));
    raw.exec('DELETE FROM head; UPDATE meta SET removed = 1');
    raw.close();
    const { ops } = openStores(dir);
    expect(await ops.head(ws)).toBeUndefined();
    expect(existsSync(join(dir, 'workspace-w.db'))).toBe(false);
    expect((await ops.append(ws, [op('a', 1)])).added).toBe(1);
  });

  test('is held by one at a time', () => {
    const dir = newDir();
    const one = openStores(dir);
    const other = openStores(dir);
    const hold = one.hold();
    expect(() => other.hold()).toThrow(/holds this folder/);
    hold.release();
    other.hold().release();
  });
});

describe('a file', () => {
  test('of another workspace under this name is corrupt, and so are swapped ones', async () => {
    const dir = newDir();
    const first = openStores(dir);
    await first.ops.append(ws, [op('a', 1)]);
    await first.ops.append(v, [op('b', 1)]);
    await first.close();
    const [one, two] = [join(dir, 'workspace-w.db'), join(dir, 'workspace-v.db')];
    renameSync(one, `${one}.aside`);
    renameSync(two, one);
    renameSync(`${one}.aside`, two);
    const { ops } = openStores(dir);
    for (const id of [ws, v]) {
      expect((await failureOf(ops.read(id, all))).code).toBe('corrupt');
      expect((await failureOf(ops.append(id, [op('c', 1)]))).code).toBe('corrupt');
    }
    expect((await ops.workspaces(all)).items).toEqual([v, ws]);
  });

  test.each([
    ['empty', (path: string) => truncateSync(path, 0)],
    ['cut', (path: string) => truncateSync(path, 5000)],
    ['not a database', (path: string) => writeFileSync(path, 'x'.repeat(9000))],
    ['a database of somebody else', (path: string) => writeFileSync(path, foreignDatabase())],
  ])('that is %s is an error, never an empty log', async (_, damage) => {
    const dir = newDir();
    const first = openStores(dir);
    await first.ops.append(ws, [op('a', 1)]);
    await first.close();
    damage(join(dir, 'workspace-w.db'));
    const { ops } = openStores(dir);
    expect((await failureOf(ops.read(ws, all))).code).toBe('corrupt');
    expect((await failureOf(ops.append(ws, [op('b', 1)]))).code).toBe('corrupt');
  });

  test('made by a newer release is refused and left alone', async () => {
    const dir = newDir();
    const first = openStores(dir);
    await first.ops.append(ws, [op('a', 1)]);
    await first.close();
    const path = join(dir, 'workspace-w.db');
    const raw = new Database(path);
    raw.pragma('user_version = 99');
    raw.close();
    const { ops } = openStores(dir);
    const error = await failureOf(ops.read(ws, all));
    expect([error.code, error.message]).toEqual(['unsupported', 'this workspace file was made by a newer release: update this one']);
    const after = new Database(path, { readonly: true });
    expect(after.prepare('SELECT count(*) FROM record').pluck().get()).toBe(1);
    after.close();
  });

  test('copied back from before makes later cursors stale, also once it has grown over them', async () => {
    const dir = newDir();
    const path = join(dir, 'workspace-w.db');
    const first = openStores(dir);
    const early = (await first.ops.append(ws, [op('a', 1)])).through;
    await first.close();
    copyFileSync(path, `${path}.old`);
    const second = openStores(dir);
    const late = (await second.ops.append(ws, [op('a', 2)])).through;
    await second.close();
    renameSync(`${path}.old`, path);
    const { ops } = openStores(dir);
    const after = (cursor: typeof late) => ops.read(ws, { ...all, ...(cursor === undefined ? {} : { after: cursor }) });
    expect((await failureOf(after(late))).code).toBe('stale_cursor');
    await ops.append(ws, [op('z', 1), op('z', 2)]);
    expect((await failureOf(after(late))).code).toBe('stale_cursor');
    expect((await after(early)).records.map(({ peer }) => peer)).toEqual(['z', 'z']);
  });
});

function foreignDatabase(): Buffer {
  const database = new Database(':memory:');
  database.exec('CREATE TABLE record (position INTEGER PRIMARY KEY)');
  const bytes = database.serialize();
  database.close();
  return bytes;
}

test('many files are made and opened in as many turns, so that others get theirs', async () => {
  const ids = Array.from({ length: 20 }, (_, i) => parseWorkspaceId(`many${i}`));
  const dir = newDir();
  const turnsOf = async (work: () => Promise<unknown>): Promise<number> => {
    let turns = 0;
    let running = true;
    const tick = (): void => {
      turns++;
      if (running) setImmediate(tick);
    };
    setImmediate(tick);
    await work();
    running = false;
    return turns;
  };
  const first = openStores(dir);
  expect(await turnsOf(() => Promise.all(ids.map((id) => first.ops.fence(id, 1))))).toBeGreaterThanOrEqual(ids.length - 1);
  expect(await turnsOf(() => Promise.all(ids.map((id) => first.ops.head(id))))).toBeLessThan(3);
  const second = openStores(dir);
  expect(await turnsOf(() => Promise.all(ids.map((id) => second.ops.head(id))))).toBeGreaterThanOrEqual(ids.length - 1);
});
