import { type OpStore, parsePeerId, parseTreeId, parseWorkspaceId, type ReadPage, type StoredRecord } from '@spacestore/core';
import { layered, metrics, retry, timeout, tracing, verifyOps } from '@spacestore/core/layers';
import { memoryOpStore } from '@spacestore/core/memory';
import { beforeEach, describe, expect, it } from 'vitest';
import { bytesOf } from '../streams.ts';
import { faulty, instantTimers } from './faulty.ts';

const space = parseWorkspaceId('notes');
const trees = ['a', 'b'].map(parseTreeId) as [ReturnType<typeof parseTreeId>, ReturnType<typeof parseTreeId>];
const records = [0, 1, 2, 3].map((counter) => ({
  tree: trees[counter % 2] as (typeof trees)[0],
  peer: parsePeerId('p'),
  counter,
  body: bytesOf(5, counter),
}));

describe('a log that is verified', () => {
  let inner: OpStore;
  let bend: (page: ReadPage) => ReadPage;
  let store: OpStore;
  beforeEach(async () => {
    let time = 1000;
    inner = memoryOpStore({ clock: { now: () => (time += 10) } });
    bend = (page) => page;
    store = verifyOps()({ ...inner, read: async (...args) => bend(await inner.read(...args)) });
    for (const record of records) await store.append(space, [record]);
  });

  it('is read as it is', async () => {
    expect(await store.read(space, { limit: 9 })).toEqual(await inner.read(space, { limit: 9 }));
    const half = await store.read(space, { limit: 2 });
    expect((await store.read(space, { ...half.next, limit: 2 })).records.map(({ counter }) => counter)).toEqual([2, 3]);
    expect((await store.read(space, { trees: [trees[1]], limit: 9 })).records.map(({ counter }) => counter)).toEqual([1, 3]);
    expect((await store.read(parseWorkspaceId('none'), { limit: 9 })).records).toEqual([]);
  });

  const change =
    (at: number, patch: Partial<StoredRecord>) =>
    (page: ReadPage): ReadPage => ({
      ...page,
      records: page.records.map((record, i) => (i === at ? { ...record, ...patch } : record)),
    });
  it.each<[string, (page: ReadPage) => ReadPage]>([
    ['records out of order', (page) => ({ ...page, records: page.records.toReversed() })],
    ['a record twice', (page) => ({ ...page, records: [...page.records.slice(0, 1), ...page.records] })],
    ['a record beyond the bound', change(3, { position: 9 })],
    ['a record of another tree', change(1, { tree: parseTreeId('x') })],
    ['a record of an earlier time', change(2, { receivedAt: 1 })],
    ['records but no bound', (page) => ({ ...page, through: undefined })],
    [
      'more than was asked for',
      (page) => ({
        ...page,
        records: [...page.records, { ...(page.records[3] as StoredRecord), position: 5 }],
        through: '0000000000000000.5.0000000000000000' as typeof page.through,
      }),
    ],
  ])('is corrupt with %s', async (_, lie) => {
    bend = lie;
    await expect(store.read(space, { trees, limit: 4 })).rejects.toMatchObject({ code: 'corrupt' });
  });

  it('is corrupt with records before the place asked, or of another time', async () => {
    const after = (await inner.read(space, { limit: 2 })).next?.after;
    const all = await inner.read(space, { limit: 9 });
    bend = () => all;
    await expect(store.read(space, { ...(after && { after }), limit: 9 })).rejects.toMatchObject({ code: 'corrupt' });
    const [first] = all.records;
    await expect(store.read(space, { receivedFrom: (first?.receivedAt ?? 0) + 1, limit: 9 })).rejects.toMatchObject({ code: 'corrupt' });
    await expect(store.read(space, { receivedBefore: first?.receivedAt ?? 0, limit: 9 })).rejects.toMatchObject({ code: 'corrupt' });
  });
});

it('an append whose reply was lost is in the log once, through all layers', async () => {
  const { store: broken, calls, faults } = faulty(memoryOpStore());
  const outcomes: string[] = [];
  const store = layered(broken, [
    timeout('OpStore', { timeoutMs: 60_000 }),
    retry('OpStore', { schedule: instantTimers().schedule }),
    verifyOps(),
    metrics('OpStore', { count: (_, { method, outcome }) => void outcomes.push(`${method} ${outcome}`), observe: () => undefined }),
    tracing('OpStore'),
  ]);
  faults.push('after:unavailable', 'before:busy');
  expect(await store.append(space, records)).toMatchObject({ added: 0, committedAt: 4 });
  expect((await store.read(space, { limit: 9 })).records).toHaveLength(4);
  await expect(store.append(space, [{ ...records[0], body: bytesOf(9) } as (typeof records)[0]])).rejects.toMatchObject({
    code: 'equivocation',
  });
  expect(calls).toEqual(['append', 'append', 'append', 'read', 'append']);
  expect(outcomes).toEqual(['append ok', 'read ok', 'append equivocation']);
});
