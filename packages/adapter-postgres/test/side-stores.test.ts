import { parseUserId } from '@spacestore/core';
import { memoryDirectory, memoryFileIndex, memorySecretStore } from '@spacestore/core/memory';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { directoryCalls, fileCalls, outcome, type StoreCall, secretCalls } from '../../core/test/side-store-calls.ts';
import type { PostgresStores } from '../src/index.ts';
import { newUrl, openStores, sql } from './kit.ts';

const clock = { now: () => 1234 };

/** Any sequence of calls, shared by two servers on one database, has the same outcomes as in memory. */
async function agree<Store>(
  theirs: () => Store,
  pick: (stores: PostgresStores) => Store,
  tables: string,
  call: fc.Arbitrary<StoreCall<Store>>,
): Promise<void> {
  const url = await newUrl();
  const opened = [openStores(url, { clock }), openStores(url, { clock })];
  await Promise.all(opened.map((stores) => stores.ready()));
  const servers = opened.map(pick);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(call, fc.nat(1)), { maxLength: 40, size: 'max' }), async (calls) => {
      const model = theirs();
      await sql(url, `SET search_path TO spacestore; TRUNCATE ${tables} CASCADE`);
      for (const [each, server] of calls) expect(await outcome(each(servers[server] as Store))).toEqual(await outcome(each(model)));
    }),
    { seed: 20260402, numRuns: 25 },
  );
}

test('secrets agree with those in memory', async () => {
  await agree(memorySecretStore, (stores) => stores.secrets, 'secret', secretCalls());
});

test('the file index agrees with the one in memory', async () => {
  await agree(memoryFileIndex, (stores) => stores.files, 'file', fileCalls());
});

test('the directory agrees with the one in memory', async () => {
  await agree(
    () => memoryDirectory({ clock }),
    (stores) => stores.directory,
    'workspace, removed_workspace, audit',
    directoryCalls(),
  );
});

test('of owners, audit rows and peers that two servers write at the same time none is lost', async () => {
  const url = await newUrl();
  const [one, two] = [openStores(url).directory, openStores(url).directory];
  await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      (i % 2 ? one : two).audit({ user: parseUserId(`u${i}`), action: 'tried', outcome: 'done', detail: { i } }),
    ),
  );
  const { items } = await one.auditLog({ limit: 100 });
  expect(items.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  expect(new Set(items.map(({ user }) => user)).size).toBe(40);
  expect(await two.verifyAudit()).toBeUndefined();
  await sql(url, "UPDATE spacestore.audit SET actor = 'bob' WHERE sequence = 7");
  expect(await two.verifyAudit()).toBe(7);
});
