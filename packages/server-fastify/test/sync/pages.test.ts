import { encodeCursor, type ReadQuery } from '@spacestore/core';
import { decodeServerMessage, type PageMessage, type ServerEffect } from '@spacestore/core/sync';
import { expect, it } from 'vitest';
import { pages } from '../../src/sync/pages.ts';
import { record } from './wire-client.ts';

const at = (position: number) => encodeCursor({ incarnation: 'a'.repeat(16), position, chain: 'b'.repeat(16) });

/** A log of six records in pages of two, and a session that packs whatever is read. */
function reading(free = 1) {
  const queries: ReadQuery[] = [];
  const slots = { free };
  let failing = false;
  const work: Promise<void>[] = [];
  const answers: { pull: number; positions: number[] | string; sub?: number }[] = [];
  const paging = pages({
    operations: {
      read: async (_grant: unknown, query: ReadQuery) => {
        queries.push(query);
        if (failing) throw new Error('broken');
        const from = query.after === undefined ? 0 : Number(query.after.split('.')[1]);
        const records = [1, 2].map((n) => ({ ...record(from + n), position: from + n, receivedAt: 1 }));
        return { records, through: at(6), ...(from + 2 < 6 && { next: { ...query, after: at(from + 2), through: at(6) } }) };
      },
    } as never,
    pageBytes: 1000,
    pageRecords: 2,
    maxFrameBytes: 10_000,
    slots,
    grantOf: () => ({}) as never,
    begin: (_bytes, run) => void work.push(run()),
    step: (event) => {
      if (event.kind === 'read') {
        const { pull, records, next, through } = event;
        paging.pack({ kind: 'pack', pull, page: { kind: 'page', ws: 7, sub: subs.get(pull) ?? 1, records, next, through }, how: null });
      } else if (event.kind === 'packed') {
        const { pull, frame } = event;
        const page = decodeServerMessage(frame, { maxFrameBytes: 10_000, maxRecords: 10 }, () =>
          Promise.reject(new Error('no')),
        ) as PageMessage;
        answers.push({ pull, positions: page.records.map(({ position }) => position), sub: page.sub });
      } else answers.push({ pull: event.pull, positions: 'failed' });
    },
    buffered: () => 0,
    report: () => undefined,
  });
  const subs = new Map<number, number>();
  return {
    queries,
    slots,
    paging,
    answers,
    fail: (value: boolean) => {
      failing = value;
    },
    pull: async (pull: number, after: number | null, sub = 1) => {
      subs.set(pull, sub);
      const effect: Extract<ServerEffect, { kind: 'read' }> = {
        kind: 'read',
        ws: 7,
        pull,
        sub,
        trees: null,
        after: after === null ? null : at(after),
        through: after === null ? null : at(6),
        times: false,
      };
      paging.read(effect);
      for (let done = 0; done < work.length; ) done = (await Promise.all(work)).length;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

it('the next page is read while the client has the one before, and not again when it asks', async () => {
  const { pull, answers, queries, slots } = reading();
  await pull(1, null);
  expect(queries.map(({ after }) => after?.split('.')[1])).toEqual([undefined, '2']);
  await pull(2, 2);
  await pull(3, 4);
  expect(answers.map(({ positions }) => positions)).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  expect(queries).toHaveLength(3);
  expect(slots.free).toBe(1);
});

it('the page behind the next one is read as well, as far as there is room for all connections', async () => {
  const { pull, answers, queries, slots } = reading(2);
  await pull(1, null);
  expect(queries.map(({ after }) => after?.split('.')[1])).toEqual([undefined, '2', '4']);
  expect(slots.free).toBe(0);
  await pull(2, 2);
  await pull(3, 4);
  expect(answers.map(({ positions }) => positions)).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  expect(queries).toHaveLength(3);
  expect(slots.free).toBe(2);
});

it('a page made ready for one subscription is not another’s', async () => {
  const { pull, answers } = reading();
  await pull(1, null, 1);
  await pull(2, 2, 2);
  expect(answers).toEqual([
    { pull: 1, positions: [1, 2], sub: 1 },
    { pull: 2, positions: [3, 4], sub: 2 },
  ]);
});

it('a page that could not be made ready is read again, and then tells why', async () => {
  const { pull, answers, fail } = reading();
  await pull(1, null);
  fail(true);
  await pull(2, 4);
  fail(false);
  await pull(3, 4);
  expect(answers.map(({ positions }) => positions)).toEqual([[1, 2], 'failed', [5, 6]]);
});

it('what is ready is let go with its workspace, or when nobody asks', async () => {
  const { pull, slots, paging } = reading();
  await pull(1, null);
  expect(slots.free).toBe(0);
  paging.forget(8);
  expect(slots.free).toBe(0);
  paging.forget(7);
  expect(slots.free).toBe(1);
  await pull(2, null);
  for (let i = 0; i < 20; i++) paging.tick();
  expect(slots.free).toBe(0);
  paging.tick();
  expect(slots.free).toBe(1);
});
