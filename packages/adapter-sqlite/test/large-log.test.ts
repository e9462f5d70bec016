import { type parsePeerId, parseTreeId, type StateVector, type TreeId } from '@spacestore/core';
import { expect, test } from 'vitest';
import { op, openStores, readAllPages, ws } from './kit.ts';

const trees = ['big', 'half', 'thin'];

/** 6,000 records: nearly all in one tree, of 3 peers whose counters have gaps. */
async function largeLog() {
  const { ops, verifyWorkspace } = openStores();
  const records = Array.from({ length: 6000 }, (_, i) =>
    op(`p${i % 3}`, i + Math.floor(i / 1000), String(i), trees[i % 1000 === 7 ? 2 : i % 5 === 0 ? 1 : 0]),
  );
  for (let i = 0; i < records.length; i += 700) await ops.append(ws, records.slice(i, i + 700));
  return { ops, records, verifyWorkspace };
}

const textOf = (records: readonly { readonly body: Uint8Array }[]) => records.map(({ body }) => new TextDecoder().decode(body));

test('a tree that is most of the log, a part of it, or hardly there is read exactly, on pages of any size', async () => {
  const { ops, records } = await largeLog();
  for (const tree of trees.map(parseTreeId))
    for (const limit of [997, 6000]) {
      const found = await readAllPages(ops, { trees: [tree], limit });
      expect(textOf(found)).toEqual(textOf(records.filter((record) => record.tree === tree)));
    }
});

test('what another side lacks is read exactly, be it little, much or all', async () => {
  const { ops, records } = await largeLog();
  const whole = (await ops.vector(ws, { limit: 100_000 })).vector;
  const lacking = (isKnown: (counter: number) => boolean): StateVector => {
    const known = new Map<TreeId, Map<ReturnType<typeof parsePeerId>, [number, number][]>>();
    for (const { tree, peer, counter } of records.filter((record) => isKnown(record.counter))) {
      const peers = known.get(tree) ?? new Map();
      known.set(tree, peers.set(peer, [...(peers.get(peer) ?? []), [counter, counter]]));
    }
    return known;
  };
  expect(await readAllPages(ops, { missing: whole, limit: 10 })).toEqual([]);
  for (const isKnown of [(n: number) => n < 5990, (n: number) => n < 100, (n: number) => n % 2 === 0, () => false])
    expect(textOf(await readAllPages(ops, { missing: lacking(isKnown), limit: 800 }))).toEqual(
      textOf(records.filter(({ counter }) => !isKnown(counter))),
    );
});

test('pages bounded by bytes hold as much as fits and at least one record', async () => {
  const { ops, records } = await largeLog();
  const page = await ops.read(ws, { limit: 5000, limitBytes: 1000 });
  const sizes = page.records.reduce((sum, { body }) => sum + body.length, 0);
  expect(sizes).toBeLessThanOrEqual(1000);
  expect(sizes + (records[page.records.length]?.body.length ?? 0)).toBeGreaterThan(1000);
  expect((await ops.read(ws, { limit: 5000, limitBytes: 0 })).records.length).toBe(1);
});

test('cursors inside a long call are good for ever', async () => {
  const { ops, verifyWorkspace } = await largeLog();
  const first = await ops.read(ws, { limit: 333 });
  await ops.append(ws, [op('late', 1)]);
  const rest = await readAllPages(ops, { limit: 6000, ...(first.next?.after === undefined ? {} : { after: first.next.after }) });
  expect(rest[0]?.position).toBe(334);
  expect(rest.length).toBe(6001 - 333);
  expect((await verifyWorkspace(ws))?.problems).toEqual([]);
});
