import { type OpRecord, parseUserId, parseWorkspaceId } from '@spacestore/core';
import { memoryOpPlace, memoryOpStore } from '@spacestore/core/memory';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failureOf, namesOf, op, readAllPages, standingClock, ws } from './op-kit.ts';

const all = { limit: 1000 };

describe('an append', () => {
  test('resolves with what it added, where its last record lies and the cursor of the head', async () => {
    const store = memoryOpStore();
    expect(await store.append(ws, [])).toEqual({ added: 0, committedAt: 0, through: undefined });
    expect(await store.head(ws)).toBeUndefined();
    const first = await store.append(ws, [op('a', 5), op('a', 6), op('b', 5, 'x', 'u')]);
    expect([first.added, first.committedAt]).toEqual([3, 3]);
    expect(first.through).toBe((await store.head(ws))?.cursor);
    const second = await store.append(ws, [op('c', 0), op('a', 5)]);
    expect([second.added, second.committedAt]).toEqual([1, 1]);
    expect((await store.append(ws, [])).committedAt).toBe(4);
    expect(await store.head(ws)).toMatchObject({ position: 4, records: 4, bytes: 7, maxCounter: 6, epoch: 0, lineage: [] });
  });

  test('keeps records in the order of the call, at dense positions, byte for byte', async () => {
    const store = memoryOpStore({ clock: { now: () => 77 } });
    const body = new Uint8Array(256).map((_, i) => i);
    await store.append(ws, [{ ...op('b', 2), body }, op('a', 1, '')], { via: parseUserId('user@x') });
    expect((await store.read(ws, all)).records).toStrictEqual([
      { ...op('b', 2), body, position: 1, receivedAt: 77, via: 'user@x' },
      { ...op('a', 1, ''), position: 2, receivedAt: 77, via: 'user@x' },
    ]);
  });

  test('counts duplicates once, in the call and across calls', async () => {
    const store = memoryOpStore();
    const result = await store.append(ws, [op('a', 1), op('a', 1), op('a', 2)]);
    expect([result.added, result.committedAt]).toEqual([2, 2]);
    expect((await store.append(ws, [op('a', 2), op('a', 1)])).added).toBe(0);
    expect(namesOf((await store.read(ws, all)).records)).toEqual(['t/a:1', 't/a:2']);
  });

  test('is refused whole as equivocation that names every differing id once, and leaves nothing', async () => {
    const store = memoryOpStore();
    await store.append(ws, [op('a', 1), op('a', 2)]);
    const before = await store.head(ws);
    const error = await failureOf(store.append(ws, [op('z', 9), op('a', 1, 'other'), op('a', 1, 'third'), op('b', 3), op('b', 3, 'else')]));
    expect([error.code, error.context]).toEqual([
      'equivocation',
      { ids: [{ tree: 't', peer: 'a', counter: 1 }, { tree: 't', peer: 'b', counter: 3 }] }, // biome-ignore format: two ids
    ]);
    expect(await store.head(ws)).toEqual(before);
    expect((await store.append(ws, [op('z', 9)])).added).toBe(1);
  });

  test('tells ids apart that a glued key would not', async () => {
    const store = memoryOpStore();
    const records = [op('a', 11), op('a1', 1), op('1', 1), op('01', 1), op('A', 11), op('a', 11, 'a11', 'ta'), op('a-', 1), op('-a', 1)];
    expect((await store.append(ws, records)).added).toBe(records.length);
    expect(namesOf((await store.read(ws, all)).records)).toEqual(namesOf(records));
  });

  test('leaves its arguments alone and does not keep them', async () => {
    const store = memoryOpStore();
    const records = [op('b', 1), op('a', 2)];
    const copy = structuredClone(records);
    const appending = store.append(ws, records);
    expect(records).toEqual(copy);
    for (const record of records) record.body.fill(0);
    records.reverse();
    await appending;
    const [first] = (await store.read(ws, all)).records;
    expect([namesOf([first as OpRecord]), first?.body]).toEqual([['t/b:1'], copy[0]?.body]);
    first?.body.fill(0);
    expect((await store.read(ws, all)).records[0]?.body).toEqual(copy[0]?.body);
  });

  test('an invalid record anywhere has no effect', async () => {
    const store = memoryOpStore();
    for (const at of [0, 1, 2]) {
      const records = [op('a', 1), op('a', 2)];
      records.splice(at, 0, { ...op('a', 3), counter: -1 });
      expect((await failureOf(store.append(ws, records))).code).toBe('invalid');
    }
    expect(await store.head(ws)).toBeUndefined();
    expect((await failureOf(store.append('W' as never, [op('a', 1)]))).code).toBe('invalid');
  });

  test('of any size within the limits is one commit, and one record more is too_large', async () => {
    const store = memoryOpStore({ capabilities: { maxCallRecords: 1300, maxBodyBytes: 3 } });
    const records = Array.from({ length: 1300 }, (_, counter) => op('a', counter, 'x'));
    expect((await failureOf(store.append(ws, [...records, op('b', 1, 'x')]))).code).toBe('too_large');
    expect((await failureOf(store.append(ws, [op('b', 1, 'xxxx')]))).code).toBe('too_large');
    expect((await store.append(ws, records)).added).toBe(1300);
  });
});

describe('appends as sets', () => {
  test('a then b leaves the same records as b then a and as both at once', async () => {
    const ids = fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.nat(6)), { maxLength: 8, size: 'max' });
    await fc.assert(
      fc.asyncProperty(ids, ids, async (a, b) => {
        const [opsA, opsB] = [a, b].map((list) => list.map(([peer, counter]) => op(peer, counter))) as [OpRecord[], OpRecord[]];
        const sets = [[opsA, opsB], [opsB, opsA], [[...opsA, ...opsB]]].map(async (calls) => {
          const store = memoryOpStore();
          let added = 0;
          for (const call of calls) added += (await store.append(ws, call)).added;
          const names = namesOf(await readAllPages(store, all));
          expect([names.length, new Set(names).size]).toEqual([added, added]);
          return [...names].sort();
        });
        const [ab, ba, union] = await Promise.all(sets);
        expect(ab).toEqual(ba);
        expect(ab).toEqual(union);
        expect(ab).toEqual([...new Set(namesOf([...opsA, ...opsB]))].sort());
      }),
      { seed: 11, numRuns: 60 },
    );
  });
});

describe('a commit group', () => {
  test('holds the calls of one turn, and the refusal of one leaves the others whole', async () => {
    const store = memoryOpStore();
    const outcomes = await Promise.allSettled([
      store.append(ws, [op('a', 1)]),
      store.append(ws, [op('b', 1), op('a', 1, 'other')]),
      store.append(ws, [op('a', 1), op('c', 1)]),
      store.append(ws, [op('d', 1)], { ifEpoch: 0 }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    const results = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(results.map(({ added, committedAt }) => [added, committedAt])).toEqual([[1, 1], [1, 2], [1, 3]]); // biome-ignore format: three results
    const head = await store.head(ws);
    expect(results.map(({ through }) => through)).toEqual([head?.cursor, head?.cursor, head?.cursor]);
    expect(namesOf((await store.read(ws, all)).records)).toEqual(['t/a:1', 't/c:1', 't/d:1']);
  });

  test('takes no further call past 256 records, and splits none', async () => {
    const store = memoryOpStore();
    const calls = [200, 200, 10].map((length, peer) => Array.from({ length }, (_, counter) => op(`p${peer}`, counter)));
    const results = await Promise.all(calls.map((call) => store.append(ws, call)));
    expect(results.map(({ added, committedAt }) => [added, committedAt])).toEqual([[200, 200], [200, 400], [10, 410]]); // biome-ignore format: three results
    expect(results[0]?.through).toBe(results[1]?.through);
    expect(results[2]?.through).not.toBe(results[1]?.through);
  });

  test('two handles on one place see each other’s commits and never lose one', async () => {
    const place = memoryOpPlace();
    const [one, two] = [memoryOpStore({ place }), memoryOpStore({ place })];
    const calls = Array.from({ length: 40 }, (_, i) => (i % 2 ? one : two).append(ws, [op('a', i), op('shared', 1)]));
    const results = await Promise.all(calls);
    expect(results.reduce((sum, { added }) => sum + added, 0)).toBe(41);
    expect(await one.read(ws, all)).toEqual(await two.read(ws, all));
    expect(new Set(results.map(({ committedAt }) => committedAt)).size).toBe(1); // all end in the shared record
  });

  test('of N conflicting writers one wins, and all readers agree which', async () => {
    const place = memoryOpPlace();
    const stores = [memoryOpStore({ place }), memoryOpStore({ place })];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => (stores[i % 2] as never as (typeof stores)[0])!.append(ws, [op('a', 1, `v${i}`)])),
    );
    const winners = outcomes.flatMap(({ status }, i) => (status === 'fulfilled' ? [`v${i}`] : []));
    expect(winners).toHaveLength(1);
    for (const store of stores)
      expect((await store.read(ws, all)).records.map(({ body }) => new TextDecoder().decode(body))).toEqual(winners);
  });
});

describe('receivedAt', () => {
  test('never decreases, whatever the clock and the caller say', async () => {
    const clock = standingClock(500);
    const store = memoryOpStore({ clock });
    await store.append(ws, [op('a', 1)]);
    clock.set(100);
    await store.append(ws, [op('a', 2)]);
    clock.set(600);
    await store.append(ws, [op('a', 3)], { receivedAt: 550 });
    await store.append(ws, [op('a', 4)], { receivedAt: 10 });
    await store.append(ws, [op('a', 5)]);
    expect((await store.read(ws, all)).records.map(({ receivedAt }) => receivedAt)).toEqual([500, 500, 550, 550, 600]);
  });
});

describe('fencing', () => {
  test('raises the epoch, never lowers it, and creates the log', async () => {
    const store = memoryOpStore();
    expect(await store.fence(ws, 3)).toBe(3);
    expect(await store.fence(ws, 2)).toBe(3);
    expect(await store.head(ws)).toMatchObject({ epoch: 3, position: 0, records: 0, bytes: 0, maxCounter: -1 });
    for (const epoch of [-1, 1.5, Number.NaN, '3']) expect((await failureOf(store.fence(ws, epoch as number))).code).toBe('invalid');
  });

  test('refuses a lower epoch as denied, an absent log as not_found, and takes the rest', async () => {
    const store = memoryOpStore();
    expect((await failureOf(store.append(ws, [op('a', 1)], { ifEpoch: 0 }))).code).toBe('not_found');
    expect((await failureOf(store.append(ws, [], { ifEpoch: 0 }))).code).toBe('not_found');
    expect(await store.head(ws)).toBeUndefined();
    await store.fence(ws, 2);
    expect((await failureOf(store.append(ws, [op('a', 1)], { ifEpoch: 1 }))).code).toBe('denied');
    expect((await store.append(ws, [op('a', 1)], { ifEpoch: 2 })).added).toBe(1);
    expect((await store.append(ws, [op('a', 2)])).added).toBe(1);
    expect((await store.append(ws, [op('a', 3)], { ifEpoch: 9 })).added).toBe(1);
    expect((await store.head(ws))?.epoch).toBe(2);
  });

  test('binds an append that another handle had accepted but not committed', async () => {
    const place = memoryOpPlace();
    const [writer, owner] = [memoryOpStore({ place }), memoryOpStore({ place })];
    await owner.fence(ws, 1);
    const late = failureOf(writer.append(ws, [op('a', 1)], { ifEpoch: 1 }));
    await owner.fence(ws, 2);
    expect((await late).code).toBe('denied');
    expect((await owner.head(ws))?.records).toBe(0);
  });

  test('what is not claimed is unsupported', async () => {
    const store = memoryOpStore({ capabilities: { fence: false, via: false, receivedAt: false, snapshot: false } });
    const options = [{ ifEpoch: 1 }, { via: parseUserId('u') }, { receivedAt: 1 }];
    for (const option of options) expect((await failureOf(store.append(ws, [op('a', 1)], option))).code).toBe('unsupported');
    expect((await failureOf(store.fence(ws, 1))).code).toBe('unsupported');
    expect((await failureOf(store.snapshot(ws))).code).toBe('unsupported');
    expect(await store.head(ws)).toBeUndefined();
  });
});

describe('giving up and closing', () => {
  test('an abort before the commit removes the call, a later one changes nothing', async () => {
    const store = memoryOpStore();
    const early = AbortSignal.abort();
    expect((await failureOf(store.append(ws, [op('a', 1)], {}, { signal: early }))).code).toBe('aborted');
    const inTime = new AbortController();
    const removed = failureOf(store.append(ws, [op('a', 2)], {}, { signal: inTime.signal }));
    const kept = store.append(ws, [op('a', 3)]);
    inTime.abort();
    expect((await removed).code).toBe('aborted');
    await kept;
    const late = new AbortController();
    const committed = store.append(ws, [op('a', 4)], {}, { signal: late.signal });
    await committed;
    late.abort();
    expect(namesOf((await store.read(ws, all)).records)).toEqual(['t/a:3', 't/a:4']);
    expect((await failureOf(store.read(ws, all, { signal: early }))).code).toBe('aborted');
  });

  test('close waits for what was accepted, then refuses; the place keeps the data', async () => {
    const place = memoryOpPlace();
    const store = memoryOpStore({ place });
    const appends = [1, 2, 3].map((counter) => store.append(ws, [op('a', counter)]));
    await store.close();
    await store.close();
    expect((await Promise.all(appends)).map(({ added }) => added)).toEqual([1, 1, 1]);
    const refused = [
      store.append(ws, []),
      store.read(ws, all),
      store.vector(ws, all),
      store.trees(ws, all),
      store.workspaces(all),
      store.head(ws),
      store.fence(ws, 1),
      store.snapshot(ws),
      store.drop(ws),
    ];
    for (const call of refused) expect((await failureOf(call)).code).toBe('closed');
    expect((await memoryOpStore({ place }).head(ws))?.records).toBe(3);
  });

  test('stores without a common place share nothing', async () => {
    await memoryOpStore().append(ws, [op('a', 1)]);
    expect((await memoryOpStore().workspaces(all)).items).toEqual([]);
  });
});

describe('workspaces', () => {
  test('are listed in byte order, page by page, and dropped one at a time', async () => {
    const store = memoryOpStore();
    const ids = ['s', 's2', 's-', 's_', 'a', '0'].map(parseWorkspaceId);
    for (const id of ids) await store.append(id, [op('a', 1)]);
    const first = await store.workspaces({ limit: 4 });
    expect([first.items, first.next]).toEqual([['0', 'a', 's', 's-'], { after: 's-', limit: 4 }]);
    expect(await store.workspaces({ limit: 4, after: 's-' })).toEqual({ items: ['s2', 's_'] });
    await store.drop(parseWorkspaceId('s'));
    await store.drop(parseWorkspaceId('unknown'));
    expect((await store.workspaces(all)).items).toEqual(['0', 'a', 's-', 's2', 's_']);
    expect(await store.read(parseWorkspaceId('s'), all)).toEqual({ records: [], through: undefined });
    expect((await store.head(parseWorkspaceId('s2')))?.records).toBe(1);
  });

  test('an unknown one reads as empty and is not created', async () => {
    const store = memoryOpStore();
    expect(await store.read(ws, all)).toEqual({ records: [], through: undefined });
    expect(await store.vector(ws, all)).toEqual({ vector: new Map(), through: undefined });
    expect(await store.trees(ws, all)).toEqual({ items: [] });
    expect(await store.snapshot(ws)).toBeUndefined();
    expect((await store.workspaces(all)).items).toEqual([]);
  });
});
