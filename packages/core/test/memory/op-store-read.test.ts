import {
  type Cursor,
  decodeCursor,
  encodeCursor,
  encodeStateVector,
  equalVectors,
  type OpRecord,
  parseTreeId,
  type ReadQuery,
  type StateVector,
  unionVectors,
  type VectorQuery,
  vectorOf,
} from '@spacestore/core';
import { memoryOpStore } from '@spacestore/core/memory';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failureOf, namesOf, op, readAllPages, standingClock, ws } from './op-kit.ts';

const all = { limit: 1000 };
type Id = readonly [tree: string, peer: string, counter: number];
const someIds: fc.Arbitrary<readonly Id[]> = fc.uniqueArray(
  fc.tuple(fc.constantFrom('t', 'u', 't1'), fc.constantFrom('a', 'b', '1'), fc.nat(15)),
  {
    minLength: 1,
    maxLength: 40,
    size: 'max', // the default makes lists of about five
    selector: (id) => id.join('/'),
  },
);
const recordsOf = (list: readonly Id[]): readonly OpRecord[] =>
  list.map(([tree, peer, counter]) => op(peer, counter, `${peer}${counter}`, tree));

async function vectorByPages(store: ReturnType<typeof memoryOpStore>, query: VectorQuery): Promise<StateVector> {
  let vector: StateVector = new Map();
  for (let next: VectorQuery | undefined = query; next !== undefined; ) {
    const page: Awaited<ReturnType<typeof store.vector>> = await store.vector(ws, next);
    vector = unionVectors(vector, page.vector);
    next = page.next;
  }
  return vector;
}

/** Appends records in calls of a size, a millisecond apart. */
async function fill(
  store: ReturnType<typeof memoryOpStore>,
  records: readonly OpRecord[],
  callSize: number,
  setTime: (time: number) => void,
) {
  for (let at = 0; at < records.length; at += callSize) {
    setTime(1000 + at);
    await store.append(ws, records.slice(at, at + callSize));
  }
}

/** The cursor of every place in the log, from 0 to its head. */
async function cursorsOf(store: ReturnType<typeof memoryOpStore>): Promise<readonly Cursor[]> {
  const cursors: Cursor[] = [];
  for (let next: ReadQuery | undefined = { limit: 1 }; next !== undefined; ) {
    const page: Awaited<ReturnType<typeof store.read>> = await store.read(ws, next);
    cursors.push((page.next?.after ?? page.through) as Cursor);
    next = page.next;
  }
  const start = encodeCursor({ ...decodeCursor(cursors[0] as Cursor), position: 0, chain: '0'.repeat(16) });
  return [start, ...cursors];
}

/** A query of small numbers that are resolved against the log at hand, so that they hit it. */
const queryPlan = fc.record({
  trees: fc.option(fc.subarray(['t', 'u', 'x']), { nil: undefined }),
  known: fc.option(fc.func(fc.boolean()), { nil: undefined }),
  receivedFrom: fc.option(fc.integer({ min: 995, max: 1045 }), { nil: undefined }),
  receivedBefore: fc.option(fc.integer({ min: 995, max: 1045 }), { nil: undefined }),
  after: fc.option(fc.nat(), { nil: undefined }),
  through: fc.option(fc.nat(), { nil: undefined }),
  limit: fc.integer({ min: 1, max: 7 }),
  limitBytes: fc.option(fc.nat(12), { nil: undefined }),
});

describe('a read', () => {
  test('pages of any size concatenate to the records that a plain filter over the log names', async () => {
    await fc.assert(
      fc.asyncProperty(someIds, fc.integer({ min: 1, max: 8 }), queryPlan, async (list, callSize, plan) => {
        const clock = standingClock(1000);
        const store = memoryOpStore({ clock });
        await fill(store, recordsOf(list), callSize, clock.set);
        const log = (await store.read(ws, all)).records;
        const cursors = await cursorsOf(store);
        expect(cursors).toHaveLength(log.length + 1);
        const after = plan.after === undefined ? undefined : plan.after % cursors.length;
        const through = plan.through === undefined ? undefined : plan.through % cursors.length;
        const { known, trees, receivedFrom, receivedBefore, limit, limitBytes } = plan;
        const query = {
          after: after === undefined ? undefined : cursors[after],
          through: through === undefined ? undefined : cursors[through],
          missing: known && vectorOf(log.filter(({ position }) => known(position))),
          trees: trees?.map(parseTreeId),
          receivedFrom,
          receivedBefore,
          limit,
          limitBytes,
        } as ReadQuery;
        const expected = log.filter(
          ({ position, tree, receivedAt }) =>
            position > (after ?? 0) &&
            position <= (through ?? log.length) &&
            (trees?.includes(tree) ?? true) &&
            !known?.(position) &&
            receivedAt >= (receivedFrom ?? 0) &&
            receivedAt < (receivedBefore ?? Number.POSITIVE_INFINITY),
        );
        expect(await readAllPages(store, query)).toEqual(expected);
      }),
      { seed: 21, numRuns: 200 },
    );
  });

  test('has one bound on all its pages, which later appends do not move', async () => {
    const store = memoryOpStore();
    await store.append(ws, [op('a', 1), op('a', 2), op('a', 3)]);
    const first = await store.read(ws, { limit: 2 });
    await store.append(ws, [op('a', 4)]);
    const second = await store.read(ws, first.next as ReadQuery);
    expect([second.through, namesOf(second.records), second.next]).toEqual([first.through, ['t/a:3'], undefined]);
    expect(namesOf((await store.read(ws, { after: second.through as Cursor, limit: 9 })).records)).toEqual(['t/a:4']);
  });

  test('through is the head also where a filter matched nothing', async () => {
    const store = memoryOpStore();
    const { through } = await store.append(ws, [op('a', 1)]);
    expect(await store.read(ws, { trees: [parseTreeId('x')], limit: 1 })).toEqual({ records: [], through });
    expect(await store.read(ws, { trees: [], limit: 1 })).toEqual({ records: [], through });
  });

  test('a page ends before it would exceed its bytes, and holds at least one record', async () => {
    const store = memoryOpStore();
    await store.append(ws, [op('a', 1, 'x'.repeat(9)), op('a', 2, 'x'), op('a', 3, 'x'), op('a', 4, 'xx')]);
    const sizes: number[] = [];
    for (let next: ReadQuery | undefined = { limit: 9, limitBytes: 3 }; next !== undefined; ) {
      const page: Awaited<ReturnType<typeof store.read>> = await store.read(ws, next);
      sizes.push(page.records.length);
      next = page.next;
    }
    expect(sizes).toEqual([1, 2, 1]);
  });

  test('from a time later than to is empty', async () => {
    const store = memoryOpStore();
    await store.append(ws, [op('a', 1)]);
    expect((await store.read(ws, { receivedFrom: 10, receivedBefore: 5, limit: 9 })).records).toEqual([]);
    expect((await store.read(ws, { receivedFrom: -8.64e15, receivedBefore: 8.64e15, limit: 9 })).records).toHaveLength(1);
  });
});

describe('cursors', () => {
  test('stay good inside groups of any size, at any later time', async () => {
    const store = memoryOpStore();
    await store.append(ws, [op('a', 0)]);
    await store.append(
      ws,
      Array.from({ length: 1200 }, (_, i) => op('b', i)),
    );
    const places = [0, 1, 2, 512, 513, 514, 1025, 1200, 1201];
    const cursors: Cursor[] = [];
    for (const position of places) {
      const page = await store.read(ws, { limit: Math.max(position, 1) });
      cursors.push(
        position === 0
          ? encodeCursor({ ...decodeCursor(page.through as Cursor), position: 0, chain: '0'.repeat(16) })
          : ((page.next?.after ?? page.through) as Cursor),
      );
    }
    await store.append(ws, [op('c', 1)]);
    for (const [i, after] of cursors.entries()) {
      const { records } = await store.read(ws, { after, limit: 2000 });
      expect([records.length, records[0]?.position]).toEqual([1202 - (places[i] as number), (places[i] as number) + 1]);
    }
  });

  test('of a dropped, a foreign or a tampered log are stale, with the lineage and head to go on from', async () => {
    const store = memoryOpStore();
    const { through } = await store.append(ws, [op('a', 1), op('a', 2)]);
    const cursor = through as Cursor;
    const parts = decodeCursor(cursor);
    const head = await store.head(ws);
    const foreign = [{ ...parts, incarnation: 'f'.repeat(16) }, { ...parts, position: 3 }, { ...parts, position: 1 }, { ...parts, chain: 'f'.repeat(16) }]; // biome-ignore format: four cursors
    for (const after of foreign.map(encodeCursor)) {
      const error = await failureOf(store.read(ws, { after, limit: 1 }));
      expect([error.code, error.context]).toEqual(['stale_cursor', { incarnation: head?.incarnation, lineage: [], head: cursor }]);
      expect((await failureOf(store.read(ws, { through: after, limit: 1 }))).code).toBe('stale_cursor');
      expect((await failureOf(store.vector(ws, { through: after, limit: 1 }))).code).toBe('stale_cursor');
    }
    await store.drop(ws);
    expect((await failureOf(store.read(ws, { after: cursor, limit: 1 }))).context).toEqual({ lineage: [] });
    expect((await failureOf(store.vector(ws, { through: cursor, limit: 1 }))).code).toBe('stale_cursor');
    await store.append(ws, [op('a', 1), op('a', 2)]);
    expect((await failureOf(store.read(ws, { after: cursor, limit: 1 }))).code).toBe('stale_cursor');
  });
});

describe('the vector', () => {
  test('is exact on pages of any size, for some trees and up to any cursor', async () => {
    await fc.assert(
      fc.asyncProperty(
        someIds,
        fc.integer({ min: 1, max: 5 }),
        fc.nat(),
        fc.subarray(['t', 'u', 'x']),
        async (list, limit, place, trees) => {
          const store = memoryOpStore();
          const records = recordsOf(list);
          const cut = place % records.length;
          const early = await store.append(ws, records.slice(0, cut));
          await store.append(ws, records.slice(cut));
          expect(equalVectors(await vectorByPages(store, { limit }), vectorOf(records))).toBe(true);
          const some = await vectorByPages(store, { limit, trees: trees.map(parseTreeId) });
          expect(equalVectors(some, vectorOf(records.filter(({ tree }) => trees.includes(tree))))).toBe(true);
          if (early.through) {
            const past = await vectorByPages(store, { limit, through: early.through });
            expect(equalVectors(past, vectorOf(records.slice(0, cut)))).toBe(true);
          }
        },
      ),
      { seed: 22, numRuns: 150 },
    );
  });

  test('is bounded by the head of its first page', async () => {
    const store = memoryOpStore();
    await store.append(ws, [op('a', 1), op('b', 1)]);
    const first = await store.vector(ws, { limit: 1 });
    await store.append(ws, [op('b', 2), op('b', 7)]);
    const second = await store.vector(ws, first.next as VectorQuery);
    expect([encodeStateVector(first.vector), encodeStateVector(second.vector)]).toEqual([{ t: { a: [[1, 1]] } }, { t: { b: [[1, 1]] } }]);
    expect([second.next, second.through]).toEqual([undefined, first.through]);
  });

  test('what it names is missing nowhere, and what it lacks is read', async () => {
    const store = memoryOpStore();
    await store.append(ws, [op('a', 1), op('a', 3), op('b', 0)]);
    const { vector } = await store.vector(ws, all);
    expect((await store.read(ws, { missing: vector, limit: 9 })).records).toEqual([]);
    await store.append(ws, [op('a', 2)]);
    expect(namesOf((await store.read(ws, { missing: vector, limit: 9 })).records)).toEqual(['t/a:2']);
  });
});

test('trees are listed in byte order, page by page', async () => {
  const store = memoryOpStore();
  await store.append(
    ws,
    ['b', 'B', '1', 'a-', 'a'].map((tree) => op('p', 1, '', tree)),
  );
  expect(await store.trees(ws, { limit: 3 })).toEqual({ items: ['1', 'B', 'a'], next: { after: 'a', limit: 3 } });
  expect(await store.trees(ws, { limit: 3, after: 'a' })).toEqual({ items: ['a-', 'b'] });
});
