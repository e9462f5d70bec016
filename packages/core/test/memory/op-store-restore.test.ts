import { type ByteSource, bytesSource, type Cursor, parseWorkspaceId, readAll } from '@spacestore/core';
import { memoryOpStore } from '@spacestore/core/memory';
import { describe, expect, test } from 'vitest';
import { failureOf, namesOf, op, readAllPages, ws } from './op-kit.ts';

const all = { limit: 1000 };
const bytesOf = (source: ByteSource): Promise<Uint8Array> => readAll(source.open(), 10_000_000);

describe('snapshot and restore', () => {
  test('bring back the records, positions, times and handers-in of the moment, while writes went on', async () => {
    const store = memoryOpStore({ clock: { now: () => 5 } });
    await store.append(ws, [op('a', 1), op('b', 2, '')], { via: 'user' as never });
    await store.append(ws, [op('a', 2)]);
    const before = await store.read(ws, all);
    const snapshot = (await store.snapshot(ws)) as ByteSource;
    await store.append(ws, [op('a', 3)]);
    const head = await store.restore(ws, snapshot);
    expect(await store.head(ws)).toEqual(head);
    expect((await store.read(ws, all)).records).toEqual(before.records);
    expect(head).toMatchObject({ position: 3, records: 3, maxCounter: 2, lineage: [{ forkedAt: before.through }] });
  });

  test('begin a new history: cursors up to the snapshot stay good, later ones are stale', async () => {
    const store = memoryOpStore();
    const early = (await store.append(ws, [op('a', 1), op('a', 2), op('a', 3)])).through as Cursor;
    const inside = (await store.read(ws, { limit: 2 })).next?.after as Cursor;
    const snapshot = (await store.snapshot(ws)) as ByteSource;
    const late = (await store.append(ws, [op('a', 4)])).through as Cursor;
    const head = await store.restore(ws, snapshot);
    await store.append(ws, [op('b', 1)]);
    expect(head.cursor).not.toBe(early);
    for (const [after, expected] of [
      [inside, ['t/a:3', 't/b:1']],
      [early, ['t/b:1']],
      [head.cursor, ['t/b:1']],
    ] as const) {
      // biome-ignore format: three cursors
      const page = await store.read(ws, { after, limit: 9 });
      expect(namesOf(page.records)).toEqual(expected);
      expect(page.through?.startsWith(head.incarnation)).toBe(true);
    }
    const error = await failureOf(store.read(ws, { after: late, limit: 9 }));
    expect([error.code, error.context.lineage]).toEqual(['stale_cursor', [{ incarnation: early.slice(0, 16), forkedAt: early }]]);
  });

  test('twice in a row keep the older histories in the lineage', async () => {
    const store = memoryOpStore();
    const first = (await store.append(ws, [op('a', 1)])).through as Cursor;
    await store.restore(ws, (await store.snapshot(ws)) as ByteSource);
    const second = (await store.append(ws, [op('a', 2)])).through as Cursor;
    const beyond = await store.append(ws, [op('a', 3)]);
    const twice = (await store.snapshot(ws)) as ByteSource;
    const head = await store.restore(ws, twice);
    expect(head.lineage).toEqual([
      { incarnation: second.slice(0, 16), forkedAt: beyond.through },
      { incarnation: first.slice(0, 16), forkedAt: first },
    ]);
    expect(namesOf(await readAllPages(store, { after: first, limit: 1 }))).toEqual(['t/a:2', 't/a:3']);
    expect(namesOf(await readAllPages(store, { after: second, limit: 1 }))).toEqual(['t/a:3']);
  });

  test('keep the higher epoch, and work on a store that never saw the workspace', async () => {
    const [store, other] = [memoryOpStore(), memoryOpStore()];
    await store.append(ws, [op('a', 1)]);
    await store.fence(ws, 4);
    const snapshot = (await store.snapshot(ws)) as ByteSource;
    await store.fence(ws, 6);
    expect((await store.restore(ws, snapshot)).epoch).toBe(6);
    expect((await other.restore(ws, snapshot)).epoch).toBe(4);
    expect((await other.read(ws, all)).records).toEqual((await store.read(ws, all)).records);
  });

  test('of another workspace is invalid, and a damaged one is corrupt; both leave the log as it was', async () => {
    const store = memoryOpStore();
    await store.append(ws, [op('a', 1)]);
    const head = await store.head(ws);
    const snapshot = (await store.snapshot(ws)) as ByteSource;
    expect((await failureOf(store.restore(parseWorkspaceId('v'), snapshot))).code).toBe('invalid');
    expect(await store.head(parseWorkspaceId('v'))).toBeUndefined();
    const bytes = await bytesOf(snapshot);
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice();
      flipped[at] = (flipped[at] as number) ^ 1;
      expect((await failureOf(store.restore(ws, bytesSource(flipped)))).code).toBe('corrupt');
      expect((await failureOf(store.restore(ws, bytesSource(bytes.slice(0, at))))).code).toBe('corrupt');
    }
    expect(await store.head(ws)).toEqual(head);
  });

  test('are held to the store’s own limits', async () => {
    const store = memoryOpStore();
    await store.append(ws, [op('a', 1, 'xxxx')]);
    const small = memoryOpStore({ capabilities: { maxBodyBytes: 3 } });
    expect((await failureOf(small.restore(ws, (await store.snapshot(ws)) as ByteSource))).code).toBe('too_large');
    expect(await small.head(ws)).toBeUndefined();
  });

  test('an empty, fenced log comes back as one', async () => {
    const store = memoryOpStore();
    await store.fence(ws, 2);
    const head = await store.restore(ws, (await store.snapshot(ws)) as ByteSource);
    expect(head).toMatchObject({ position: 0, records: 0, epoch: 2, maxCounter: -1 });
  });
});
