import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { encodeOp, type OpRecord, type RepTreeOp, type TreeId, type WorkspaceId } from '@spacestore/core';
import { memoryOpStore } from '@spacestore/core/memory';
import { describe, expect, it } from 'vitest';
import { divergence, repTreeDocument } from '../src/check/replicas.ts';
import { readAll, wholeVector } from '../src/laws/op-store/reading.ts';
import { documentText, interpret } from '../src/model/tree.ts';

const workspace = 'w' as WorkspaceId;
const tree = 't' as TreeId;
const move = (counter: number, targetId: string, parentId: string | null): RepTreeOp => ({
  id: { counter, peerId: 'a' },
  targetId,
  parentId,
});
const set = (counter: number, peerId: string, value: unknown): RepTreeOp => ({
  id: { counter, peerId },
  targetId: 'x',
  key: 'k',
  value,
  transient: false,
});
const begun = [move(1, '0', null), move(2, 'root', null), move(3, 'x', 'root'), move(4, 'y', 'x')];

function history(name: string): readonly OpRecord[] {
  const text = gunzipSync(readFileSync(new URL(`../../../examples/data/${name}`, import.meta.url))).toString();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { treeId, ...op } = JSON.parse(line) as { readonly treeId: TreeId } & RepTreeOp;
      return encodeOp(treeId, 'parentId' in op ? op : { ...op, transient: false });
    });
}

describe('the interpreter and RepTree agree', () => {
  it.each([
    ['the last writer of a property wins, ties by peer', [...begun, set(5, 'b', 'late'), set(5, 'a', 'early'), set(4, 'c', 'old')]],
    ['a deletion of a property', [...begun, set(5, 'a', 1), set(6, 'a', undefined)]],
    ['a move that would close a circle is skipped', [...begun, move(5, 'x', 'y')]],
    ['a deleted vertex keeps its children', [...begun, move(5, 'x', '0')]],
  ])('about: %s', (_what, ops) => {
    const records = ops.map((op) => encodeOp(tree, op));
    expect(documentText(repTreeDocument(records))).toBe(documentText(interpret(ops)));
  });
});

describe('the judge of replicas', () => {
  const records = [...begun, set(5, 'a', 'v')].map((op) => encodeOp(tree, op));

  it('says yes to equal replicas', () => {
    expect(divergence([records, records.toReversed()], records)).toEqual([]);
  });

  it('says no to a record hidden, invented, changed or doubled', () => {
    const [first, ...rest] = records as [OpRecord, ...OpRecord[]];
    const stranger = encodeOp(tree, set(9, 'z', 'v'));
    for (const replica of [rest, [...records, stranger], [{ ...first, body: Uint8Array.of(1) }, ...rest], [...records, first]])
      expect(divergence([replica], records)).toHaveLength(1);
  });
});

describe('a real history over three stores', () => {
  it('ends equal on all of them, and is the document it was', async () => {
    const records = history('fastify-history.jsonl.gz');
    const peers = [...new Set(records.map((record) => record.peer))];
    const stores = [memoryOpStore(), memoryOpStore(), memoryOpStore()];
    for (const [i, store] of stores.entries()) {
      const mine = records.filter((record) => peers.indexOf(record.peer) % 3 === i);
      for (let at = 0; at < mine.length; at += 997) await store.append(workspace, mine.slice(at, at + 997).reverse());
    }
    for (const from of stores) {
      for (const to of stores) {
        const missing = await wholeVector(to, workspace, { limit: 5000 });
        const { records: lacking } = await readAll(from, workspace, { missing, limit: 1000 });
        await to.append(
          workspace,
          lacking.map((record) => ({ tree: record.tree, peer: record.peer, counter: record.counter, body: record.body })),
        );
      }
    }
    const replicas = await Promise.all(stores.map(async (store) => (await readAll(store, workspace, { limit: 5000 })).records));
    expect(divergence(replicas, records)).toEqual([]);
    expect(replicas.map((replica) => replica.length)).toEqual([23_588, 23_588, 23_588]);
    expect(repTreeDocument(records).size).toBe(579);
  });
});
