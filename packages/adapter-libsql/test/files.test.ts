import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { parseBlobRoot, parseSecretName, parseUserId, parseWorkspaceId, staticKey } from '@spacestore/core';
import { expect, test } from 'vitest';
import { libsqlEngine } from '../src/driver.ts';
import { failureOf, newDir, op, openSqlite, openStores, readAllPages, ws } from './kit.ts';

/** Files under a folder that this process has open. */
function openFiles(dir: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith(dir) ? [path.slice(dir.length + 1)] : [];
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT') return []; // the descriptor of this very listing
      throw error;
    }
  });
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a store that is closed has no file open, and leaves whole files alone', async () => {
  const dir = newDir();
  const stores = openStores(dir);
  for (const id of ['a', 'b', 'c']) await stores.ops.append(parseWorkspaceId(id), [op('p', 1)]);
  await readAllPages(stores.ops, { limit: 1 }, parseWorkspaceId('a'));
  expect(openFiles(dir).length).toBeGreaterThan(0);
  await stores.close();
  expect(openFiles(dir)).toEqual([]);
  expect(readdirSync(dir).sort()).toEqual(['files.lock', 'workspace-a.db', 'workspace-b.db', 'workspace-c.db']);
});

test('a file that was just made is open under the name it has, by no other', async () => {
  const dir = newDir();
  const { ops } = openStores(dir);
  await ops.append(ws, [op('a', 1)]);
  expect(openFiles(dir).sort()).toEqual(['workspace-w.db', 'workspace-w.db-shm', 'workspace-w.db-wal']);
});

test('files that were put aside do not pile up', async () => {
  const dir = newDir();
  const { ops } = openStores(dir, { maxOpenFiles: 2 });
  for (let i = 0; i < 150; i++) {
    await ops.append(parseWorkspaceId(`w${i % 20}`), [op('p', i)]);
    await turn();
    // Three descriptors each: two open, one being opened, and those that wait.
    expect(openFiles(dir).length).toBeLessThanOrEqual(3 * (3 + 64));
  }
});

test('a text that a bad disk changed is corrupt, and this process goes on', async () => {
  const dir = newDir();
  const first = openStores(dir);
  await first.ops.append(ws, [op('a', 1), op('b', 1)]);
  await first.close();
  for (const damage of [
    "UPDATE record SET data = CAST(x'61ff' AS TEXT) WHERE position = 2",
    "UPDATE head SET records = CAST(x'ff' AS TEXT)",
    "UPDATE peer SET name = CAST(x'ff' AS TEXT) WHERE id = 1",
    "UPDATE head SET incarnation = CAST(x'ff' AS TEXT)",
    "UPDATE meta SET workspace = CAST(x'ff' AS TEXT)",
  ]) {
    const raw = libsqlEngine().open(join(dir, 'workspace-w.db'), 'existing');
    raw.exec(damage);
    raw.close();
    await turn();
    const { ops, close } = openStores(dir);
    expect([damage, (await failureOf(ops.read(ws, { limit: 100 }))).code]).toEqual([damage, 'corrupt']);
    await close();
  }
});

test('texts and bytes come back as they went in, NUL and all', async () => {
  const { files, secrets, ops } = openStores();
  const bodies = ['', 'a\0b', '\ufeffx', 'ä\u{1F600}', '\0'].map((text) => new TextEncoder().encode(text));
  const odd = [...bodies, Uint8Array.of(0xff, 0, 0x80), new Uint8Array(300_000).fill(0xc3)];
  await ops.append(
    ws,
    odd.map((body, i) => ({ ...op('a', i), body })),
  );
  expect((await readAllPages(ops)).map(({ body }) => Buffer.from(body))).toEqual(odd.map((body) => Buffer.from(body)));
  const name = parseSecretName('s');
  for (const [version, value] of odd.entries()) {
    await secrets.set(ws, name, value, { ifVersion: version, writeId: `w${version}` });
    expect(Buffer.from((await secrets.get(ws, name))?.value ?? [])).toEqual(Buffer.from(value));
  }
  const entry = {
    key: staticKey('ab'.repeat(32)),
    name: 'x ä',
    mimeType: '',
    sizeBytes: 2 ** 53 - 1,
    createdAt: 5,
    state: 'ready',
  } as const;
  await files.put(ws, entry);
  expect(await files.get(ws, entry.key)).toEqual(entry);
});

test.each([
  ['adapter-sqlite', openSqlite, openStores],
  ['this one', openStores, openSqlite],
])('what %s wrote is read, written on and verified by the other', async (_, openFirst, openSecond) => {
  const dir = newDir();
  const name = parseSecretName('s');
  const via = parseUserId('ann');
  const one = openFirst(dir);
  await one.ops.append(ws, [op('a', 1, '["m","x",null]'), op('b', 2 ** 53 - 1), { ...op('c', 0), body: Uint8Array.of(0, 255) }], { via });
  await one.ops.fence(ws, 7);
  await one.secrets.set(ws, name, Uint8Array.of(1, 2), { ifVersion: 0, writeId: 'x' });
  await one.outbox().add(ws, [op('a', 2)]);
  await one.directory.create({
    id: ws,
    name: 'W',
    owner: via,
    codec: 'opaque',
    blobRoot: parseBlobRoot('ann/w'),
    settings: { relay: true, app: {} },
  });
  const records = await readAllPages(one.ops);
  const head = await one.ops.head(ws);
  await one.close();

  const two = openSecond(dir);
  expect(await readAllPages(two.ops)).toEqual(records);
  expect(await two.ops.head(ws)).toEqual(head);
  expect((await two.secrets.get(ws, name))?.value).toEqual(Uint8Array.of(1, 2));
  expect((await two.outbox().pending(ws, 0, 9)).map(({ records: [record] }) => record?.counter)).toEqual([2]);
  expect((await two.directory.get(ws))?.name).toBe('W');
  await two.ops.append(ws, [op('d', 1), op('a', 5, 'x', 'other')], { ifEpoch: 7 });
  const snapshot = await two.ops.snapshot(ws);
  await two.close();

  const again = openFirst(dir);
  expect((await readAllPages(again.ops)).length).toBe(5);
  expect((await again.verifyWorkspace(ws))?.problems).toEqual([]);
  if (!snapshot) expect.unreachable();
  await again.close();
  const raw = libsqlEngine().open(join(dir, 'workspace-w.db'), 'existing');
  expect(raw.rows('SELECT DISTINCT typeof(tree), typeof(peer), typeof(counter), typeof(position) FROM record_id', [])).toEqual([
    ['integer', 'integer', 'integer', 'integer'],
  ]);
  raw.close();
});

test('a file that is gone is not made anew by opening it', () => {
  const dir = newDir();
  expect(() => libsqlEngine().open(join(dir, 'none ? # % é.db'), 'existing')).toThrow();
  expect(readdirSync(dir)).toEqual([]);
  const engine = libsqlEngine();
  engine.open(join(dir, 'made ? # % é.db'), 'create').close();
  const made = engine.open(join(dir, 'made ? # % é.db'), 'create');
  made.exec('CREATE TABLE t (a)');
  made.close();
  expect(readdirSync(dir)).toEqual(['made ? # % é.db']);
});
