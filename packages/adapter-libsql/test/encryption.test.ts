import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseBlobRoot, parseSecretName, parseUserId } from '@spacestore/core';
import { expect, test } from 'vitest';
import { libsqlStores } from '../src/stores.ts';
import { failureOf, newDir, op, openSqlite, openStores, readAllPages, ws } from './kit.ts';

const encryptionKey = 'correct horse battery staple';
const canary = 'canary-4f1c9a77d2';

/** Names of the files that hold a text. */
function filesWith(dir: string, text: string): readonly string[] {
  return readdirSync(dir).filter((name) => readFileSync(join(dir, name)).includes(text));
}

/** What is in each file but the shared memory, which is rebuilt. */
const bytesUnder = (dir: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(dir)
      .filter((name) => !name.endsWith('-shm'))
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(dir, name)))
          .digest('hex'),
      ]),
  );

/** Everything a store can be given to keep, still in the write-ahead logs. */
async function fill(stores: ReturnType<typeof libsqlStores>): Promise<void> {
  await stores.ops.append(ws, [op('a', 1, canary), op(canary, 1, 'x', canary)], { via: parseUserId(canary) });
  await stores.secrets.set(ws, parseSecretName(canary), new TextEncoder().encode(canary), { ifVersion: 0, writeId: canary });
  await stores.describe(ws, { uri: canary, createdAt: 1 });
  await stores.outbox().add(ws, [op('a', 1, canary)]);
  await stores.directory.create({
    id: ws,
    name: canary,
    owner: parseUserId('ann'),
    codec: 'opaque',
    blobRoot: parseBlobRoot('ann/w'),
    settings: { relay: true, app: {} },
  });
}

test('nothing is readable in files and write-ahead logs, which without a key holds all of it', async () => {
  const [plain, sealed] = [newDir(), newDir()];
  await fill(openStores(plain));
  const stores = openStores(sealed, { encryptionKey });
  await fill(stores);
  const names = ['directory.db-wal', 'outbox.db-wal', 'workspace-w.db-wal'];
  expect(filesWith(plain, canary)).toEqual(names);
  expect(filesWith(plain, 'CREATE TABLE').length).toBeGreaterThan(0);
  expect(readdirSync(sealed)).toEqual(expect.arrayContaining(names));
  for (const text of [canary, 'CREATE TABLE', 'SQLite format', encryptionKey]) expect([text, filesWith(sealed, text)]).toEqual([text, []]);
  await stores.close();
  for (const text of [canary, 'CREATE TABLE', 'SQLite format', encryptionKey]) expect([text, filesWith(sealed, text)]).toEqual([text, []]);
  expect((await readAllPages(openStores(sealed, { encryptionKey }).ops)).length).toBe(2);
});

test.each([
  ['another key', 'wrong'],
  ['no key', undefined],
])('%s is an error that changes nothing, not even what is still in the write-ahead log', async (_, wrong) => {
  const [dir, killed] = [newDir(), newDir()];
  const stores = openStores(dir, { encryptionKey });
  await fill(stores);
  // What a killed process leaves: the log is not in the file yet.
  cpSync(dir, killed, { recursive: true });
  await stores.close();
  const before = bytesUnder(killed);
  expect(statSync(join(killed, 'workspace-w.db-wal')).size).toBeGreaterThan(1000);

  const intruder = openStores(killed, wrong === undefined ? {} : { encryptionKey: wrong });
  for (const work of [
    () => intruder.ops.read(ws, { limit: 1 }),
    () => intruder.ops.append(ws, [op('z', 1)]),
    () => intruder.ops.drop(ws),
    () => intruder.secrets.getAll(ws),
    () => intruder.directory.get(ws),
    () => intruder.outbox().pending(ws, 0, 1),
  ])
    expect(await failureOf(work())).toMatchObject({ code: 'corrupt', retryable: false, context: { engine: 'SQLITE_NOTADB' } });
  await intruder.close();
  expect(bytesUnder(killed)).toEqual(before);

  const owner = openStores(killed, { encryptionKey });
  expect((await readAllPages(owner.ops)).length).toBe(2);
  expect((await owner.verifyWorkspace(ws))?.problems).toEqual([]);
  expect((await owner.directory.get(ws))?.name).toBe(canary);
});

test('a file that was never encrypted is refused under a key, and stays readable without', async () => {
  const dir = newDir();
  const first = openSqlite(dir);
  await first.ops.append(ws, [op('a', 1)]);
  await first.close();
  const before = bytesUnder(dir);
  const stores = openStores(dir, { encryptionKey });
  expect((await failureOf(stores.ops.append(ws, [op('b', 1)]))).code).toBe('corrupt');
  await stores.close();
  expect(bytesUnder(dir)).toEqual(before);
  expect((await readAllPages(openSqlite(dir).ops)).length).toBe(1);
});

test('a snapshot is encrypted too, and is restored under the same key alone', async () => {
  const dir = newDir();
  const { ops } = openStores(dir, { encryptionKey });
  await ops.append(ws, [op('a', 1, canary)]);
  const snapshot = await ops.snapshot(ws);
  if (!snapshot) return expect.unreachable();
  const chunks: Uint8Array[] = [];
  for await (const chunk of snapshot.open()) chunks.push(chunk);
  expect(Buffer.concat(chunks).includes(canary)).toBe(false);
  expect((await openStores(newDir(), { encryptionKey }).ops.restore(ws, snapshot)).records).toBe(1);
  for (const options of [{}, { encryptionKey: 'other' }]) {
    const other = openStores(newDir(), options);
    expect((await failureOf(other.ops.restore(ws, snapshot))).code).toBe('corrupt');
    expect(await other.ops.head(ws)).toBeUndefined();
  }
});

test('a cipher that is not there is refused', () => {
  expect(() => libsqlStores({ dir: newDir(), encryptionKey, cipher: 'rot13' })).toThrow(/cipher is none of aes256cbc/);
});
