import { hasCode, type OpStore, parseUserId, type ReadQuery, type StateVector, type StoredRecord } from '@spacestore/core';
import { memoryOpStore } from '@spacestore/core/memory';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newDir, op, openStores, readAllPages, ws } from './kit.ts';

const small = fc.integer({ min: 0, max: 3 });
const record = fc
  .record({
    tree: fc.constantFrom('t', 'u', 'T'),
    peer: fc.constantFrom('a', 'b', 'a1'),
    counter: fc.integer({ min: 0, max: 12 }),
    text: small,
  })
  .map(({ tree, peer, counter, text }) =>
    op(peer, counter, ['', '["m","x",null]', 'ä\u{1F600}', '\0'][text === 3 ? text : counter % 3] ?? '', tree),
  );
const query = fc.record({
  trees: fc.option(fc.subarray(['t', 'u', 'T', 'none'])),
  known: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  from: fc.option(fc.integer({ min: 0, max: 60 })),
  before: fc.option(fc.integer({ min: 0, max: 60 })),
  limit: fc.integer({ min: 1, max: 9 }),
  limitBytes: fc.option(fc.integer({ min: 0, max: 40 })),
});
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      calls: fc.array(fc.array(record, { maxLength: 6 }), { maxLength: 4 }),
      via: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('read' as const), query }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fence' as const), epoch: small }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const) }) },
);

/** What both stores must agree on: everything but the incarnation and the chain inside cursors. */
function plain(records: readonly StoredRecord[]) {
  return records.map(({ body, ...rest }) => ({ ...rest, body: [...body] }));
}

async function outcome(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    if (hasCode(error, 'equivocation', 'stale_cursor', 'denied', 'not_found')) return [error.code, error.context.ids];
    throw error;
  }
}

test('any calls have the outcome they have on the store in memory', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25, size: 'max' }), async (steps) => {
      let time = 0;
      const clock = { now: () => time };
      const dir = newDir();
      let stores = openStores(dir, { clock, maxOpenFiles: 1 });
      const memory = memoryOpStore({ clock });
      const both = () => [stores.ops, memory] as const;
      const same = async (work: (store: OpStore) => Promise<unknown>) => {
        const [ours, theirs] = await Promise.all(both().map((store) => outcome(() => work(store))));
        expect(ours).toEqual(theirs);
      };
      for (const each of steps) {
        time += 2;
        if (each.kind === 'append') {
          const options = each.via ? { via: parseUserId('ann'), receivedAt: Math.max(time - 5, 0) } : {};
          const [ours, theirs] = await Promise.all(
            both().map((store) =>
              Promise.all(
                each.calls.map((records) =>
                  outcome(async () => {
                    const { added, committedAt } = await store.append(ws, records, options);
                    return { added, committedAt };
                  }),
                ),
              ),
            ),
          );
          expect(ours).toEqual(theirs);
        } else if (each.kind === 'read') {
          const { trees, known, from, before, limit, limitBytes } = each.query;
          const vector = (await memory.vector(ws, { limit: 10_000 })).vector;
          const given = {
            limit,
            ...(trees === null ? {} : { trees }),
            ...(known === null ? {} : { missing: part(vector, known) }),
            ...(from === null ? {} : { receivedFrom: from }),
            ...(before === null ? {} : { receivedBefore: before }),
            ...(limitBytes === null ? {} : { limitBytes }),
          } as unknown as ReadQuery;
          await same(async (store) => plain(await readAllPages(store, given)));
          await same(async (store) => (await store.vector(ws, { limit: 3 })).vector);
          await same(async (store) => store.trees(ws, { limit: 2 }));
        } else if (each.kind === 'fence') await same((store) => store.fence(ws, each.epoch));
        else if (each.kind === 'drop') await same((store) => store.drop(ws));
        else if (each.kind === 'restore')
          await same(async (store) => {
            const snapshot = await store.snapshot(ws);
            await store.append(ws, [op('late', time)]);
            return snapshot && (await store.restore(ws, snapshot)).position;
          });
        else {
          await stores.close();
          stores = openStores(dir, { clock });
        }
      }
      await same(async (store) => {
        const head = await store.head(ws);
        return head && { ...head, incarnation: '', cursor: '', lineage: head.lineage.length };
      });
      await same(async (store) => plain(await readAllPages(store, { limit: 7 })));
      expect((await stores.verifyWorkspace(ws))?.problems ?? []).toEqual([]);
      await stores.close();
    }),
    { seed: 20260401, numRuns: 60 },
  );
});

/** The first part of each peer's ranges. */
function part(vector: StateVector, share: number): StateVector {
  return new Map(
    [...vector].map(([tree, peers]) => [
      tree,
      new Map([...peers].map(([peer, ranges]) => [peer, ranges.slice(0, Math.ceil(ranges.length * share))])),
    ]),
  );
}
