import { join } from 'node:path';
import { type Outbox, parseUserId, parseWorkspaceId } from '@spacestore/core';
import { memoryDirectory, memoryFileIndex, memoryOutbox, memorySecretStore } from '@spacestore/core/memory';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { directoryCalls, fileCalls, outcome, secretCalls } from '../../core/test/side-store-calls.ts';
import { newDir, op, openStores } from './kit.ts';

const clock = { now: () => 1234 };

/** Any sequence of calls has the same outcomes on both, also where ours is opened again in the middle. */
async function agree<Store>(
  theirs: () => Store,
  ours: (dir: string) => { readonly store: Store; readonly close: () => Promise<void> },
  call: fc.Arbitrary<(store: Store) => Promise<unknown>>,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(call, { freq: 12 }), { maxLength: 40, size: 'max' }), async (calls) => {
      const dir = newDir();
      const model = theirs();
      let opened = ours(dir);
      for (const each of calls) {
        if (each === null) {
          await opened.close();
          opened = ours(dir);
        } else expect(await outcome(each(opened.store))).toEqual(await outcome(each(model)));
      }
      await opened.close();
    }),
    { seed: 20260402, numRuns: 40 },
  );
}

const workspace = fc.constantFrom('w', 'v').map(parseWorkspaceId);
const small = fc.integer({ min: 0, max: 3 });
const limit = fc.integer({ min: 1, max: 3 });

test('secrets agree with those in memory', async () => {
  await agree(memorySecretStore, (dir) => withClose(openStores(dir), (stores) => stores.secrets), secretCalls());
});

test('the file index agrees with the one in memory', async () => {
  await agree(memoryFileIndex, (dir) => withClose(openStores(dir), (stores) => stores.files), fileCalls());
});

test('the directory agrees with the one in memory', async () => {
  await agree(
    () => memoryDirectory({ clock }),
    (dir) => withClose(openStores(dir, { clock }), (stores) => stores.directory),
    directoryCalls(),
  );
});

test('the outbox agrees with the one in memory', async () => {
  const record = fc.tuple(fc.constantFrom('a', 'b'), small).map(([peer, counter]) => op(peer, counter));
  const records = fc.uniqueArray(record, { maxLength: 4, selector: ({ peer, counter }) => `${peer}${counter}` });
  const ids = fc.array(
    fc.tuple(fc.constantFrom('a', 'b'), small).map(([peer, counter]) => op(peer, counter)),
    { maxLength: 2 },
  );
  type Call = (store: Outbox) => Promise<unknown>;
  const calls: fc.Arbitrary<Call> = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.tuple(workspace, records).map(
        ([w, list]): Call =>
          (o) =>
            o.add(w, list),
      ),
    },
    fc.tuple(workspace, fc.integer({ min: 0, max: 6 })).map(
      ([w, n]): Call =>
        (o) =>
          o.verdict(w, n, { kind: 'acknowledged' }),
    ),
    fc.tuple(workspace, fc.integer({ min: 0, max: 6 }), ids).map(
      ([w, n, list]): Call =>
        (o) =>
          o.verdict(w, n, { kind: 'refused', code: 'equivocation', ids: list }),
    ),
    fc.tuple(workspace, small, limit).map(
      ([w, after, count]): Call =>
        (o) =>
          o.pending(w, after, count),
    ),
    workspace.map(
      (w): Call =>
        (o) =>
          o.counts(w),
    ),
    workspace.map(
      (w): Call =>
        (o) =>
          o.quarantine(w),
    ),
    fc.tuple(workspace, ids, fc.constantFrom('retry' as const, 'discard' as const)).map(
      ([w, list, how]): Call =>
        (o) =>
          o.release(w, list, how),
    ),
    fc.tuple(workspace, fc.option(fc.constantFrom('', 'x', '\0'), { nil: undefined })).map(
      ([w, value]): Call =>
        (o) =>
          o.setState(w, 'cursor', value),
    ),
    workspace.map(
      (w): Call =>
        (o) =>
          o.state(w, 'cursor'),
    ),
  );
  await agree(
    () => memoryOutbox({ clock }),
    (dir) => withClose(openStores(dir, { clock }), (stores) => stores.outbox()),
    calls,
  );
});

test('an edited or removed audit row breaks the chain at that row', async () => {
  const dir = newDir();
  const edits = ["UPDATE audit SET actor = 'bob' WHERE sequence = 3", 'DELETE FROM audit WHERE sequence = 2'];
  for (const [index, edit] of edits.entries()) {
    const place = join(dir, String(index));
    const first = openStores(place);
    for (let i = 0; i < 5; i++) await first.directory.audit({ user: parseUserId('ann'), action: `a${i}`, outcome: 'done', detail: {} });
    expect(await first.directory.verifyAudit()).toBeUndefined();
    await first.close();
    const raw = new Database(join(place, 'directory.db'));
    raw.exec(edit);
    raw.close();
    expect(await openStores(place).directory.verifyAudit()).toBe(index === 0 ? 3 : 2);
  }
});

function withClose<Store>(stores: ReturnType<typeof openStores>, pick: (stores: ReturnType<typeof openStores>) => Store) {
  return { store: pick(stores), close: stores.close };
}
