import { type checkVectorQuery, encodeVectorPlace, type VectorPlace } from '../../check-queries.ts';
import type { VectorPage } from '../../contracts/op-store.ts';
import type { CounterRange } from '../../counter-ranges.ts';
import { compareIds, type PeerId, type TreeId } from '../../ids.ts';
import { rows, type Sql, type SqlValue, value } from '../sql.ts';
import { cursorAt, type HeadRow, headCursor, placeOfCursor, refuseCursor } from './log-head.ts';
import { checkIndex, type LogNames, readNames } from './log-names.ts';

/** Counters fetched at once. */
const batch = 4096;

/** One page of the vector, from the id index alone. */
export function* readVector(
  head: HeadRow | undefined,
  names: LogNames,
  { query, after }: ReturnType<typeof checkVectorQuery>,
): Sql<VectorPage> {
  if (!head) {
    refuseCursor(query.through);
    return { vector: new Map(), through: undefined };
  }
  yield* readNames(names, head);
  yield* checkIndex(names, head);
  const end = query.through === undefined ? head.position : yield* placeOfCursor(head, query.through);
  const through = end === head.position ? headCursor(head) : yield* cursorAt(head, end);
  const vector = new Map<TreeId, Map<PeerId, readonly CounterRange[]>>();
  const last: { place?: VectorPlace } = {};
  let left = query.limit;
  for (const [tree, treeId] of treesFrom(names, query.trees, after?.tree)) {
    const peers = new Map<PeerId, readonly CounterRange[]>();
    for (const [peer, peerId] of yield* peersOf(names, treeId)) {
      const isCut = after !== undefined && after.tree === tree;
      if (isCut && compareIds(peer, after.peer) < 0) continue;
      const from = isCut && peer === after.peer ? after.counter : -1;
      const ranges = yield* rangesOf(treeId, peerId, from, end === head.position ? undefined : end, left + 1);
      if (ranges.length > left) {
        const kept = ranges.slice(0, left);
        if (kept.length > 0) peers.set(peer, kept);
        if (peers.size > 0) vector.set(tree, peers);
        const counter = kept.at(-1)?.[1];
        const place = counter === undefined ? last.place : { tree, peer, counter };
        return { vector, through, next: { ...query, through, ...(place === undefined ? {} : { after: encodeVectorPlace(place) }) } };
      }
      if (ranges.length === 0) continue;
      peers.set(peer, ranges);
      last.place = { tree, peer, counter: (ranges.at(-1) as CounterRange)[1] };
      left -= ranges.length;
    }
    if (peers.size > 0) vector.set(tree, peers);
  }
  return { vector, through };
}

/** Trees by name, from one on, with their small integers. */
function treesFrom(
  names: LogNames,
  trees: readonly TreeId[] | undefined,
  from: TreeId | undefined,
): readonly (readonly [TreeId, number])[] {
  const found: (readonly [TreeId, number])[] = [];
  for (const name of trees ?? names.tree.ids.keys()) {
    const id = from !== undefined && name < from ? undefined : names.tree.ids.get(name);
    if (id !== undefined) found.push([name, id]);
  }
  return found.sort((a, b) => compareIds(a[0], b[0]));
}

/** Peers of a tree by name: one step of the index each, whatever they hold. */
function* peersOf(names: LogNames, tree: number): Sql<readonly (readonly [PeerId, number])[]> {
  const found: (readonly [PeerId, number])[] = [];
  for (let id: number | undefined = 0; id !== undefined; ) {
    id = (yield* value('SELECT peer FROM record_id WHERE tree = ? AND peer > ? ORDER BY peer LIMIT 1', tree, id)) as number | undefined;
    const name = id === undefined ? undefined : names.peer.names.get(id);
    if (id !== undefined && name !== undefined) found.push([name, id]);
  }
  return found.sort((a, b) => compareIds(a[0], b[0]));
}

/** Up to `count` ranges of one tree and peer after a counter. */
function* rangesOf(tree: number, peer: number, from: number, end: number | undefined, count: number): Sql<readonly CounterRange[]> {
  const ranges: [number, number][] = [];
  let current: [number, number] | undefined;
  for (let last = from; ; ) {
    const found = yield* rows(
      `SELECT counter FROM record_id WHERE tree = ? AND peer = ? AND counter > ?${end === undefined ? '' : ' AND position <= ?'} ORDER BY counter LIMIT ${batch}`,
      ...([tree, peer, last, ...(end === undefined ? [] : [end])] satisfies SqlValue[]),
    );
    for (const [value] of found) {
      const counter = value as number;
      if (current !== undefined && counter === current[1] + 1) current[1] = counter;
      else {
        if (ranges.length === count) return ranges;
        current = [counter, counter];
        ranges.push(current);
      }
    }
    if (found.length < batch) return ranges;
    last = found.at(-1)?.[0] as number;
  }
}
