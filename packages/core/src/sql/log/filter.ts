import type { ReadQuery } from '../../contracts/op-store.ts';
import { type CounterRange, rangesContain, subtractRanges } from '../../counter-ranges.ts';
import type { TreeId } from '../../ids.ts';
import type { StateVector } from '../../state-vector.ts';
import { type Sql, type SqlValue, value } from '../sql.ts';
import type { RowTest } from './decode-rows.ts';
import type { HeadRow } from './log-head.ts';
import type { LogNames } from './log-names.ts';

/** How a query finds its records: every one of a range of positions, those of a range that pass a test, or some positions. */
export type Filter =
  | { readonly kind: 'all' }
  | { readonly kind: 'test'; readonly passes: RowTest }
  | { readonly kind: 'positions'; readonly positions: readonly number[]; next: number };

/** What the query asks of one tree: all of it, or of each peer what these ranges do not hold. */
interface WantedTree {
  readonly id: number;
  readonly known: ReadonlyMap<number, readonly CounterRange[]>;
}

/** Sorting positions out of the id index pays while they are few; past this part of the range a scan by position is cheaper. */
const scanFraction = 1 / 8;
const smallRange = 1024;

/** The cheapest way to find the records of a query among the positions after `from` up to `to`. */
export function* filterOf(names: LogNames, query: ReadQuery, from: number, to: number, head: HeadRow): Sql<Filter> {
  const { trees, missing, limit } = query;
  if (trees === undefined && (missing === undefined || missing.size === 0)) return { kind: 'all' };
  const wanted = wantedTrees(names, trees, missing);
  const most = Math.max(smallRange, Math.floor((to - from) * scanFraction));
  const positions: number[] = [];
  for (const tree of wanted) {
    const isInside = yield* collectTree(tree, from, to, head, most - positions.length, positions);
    if (!isInside) return { kind: 'test', passes: testOf(wanted) };
  }
  positions.sort((a, b) => a - b);
  return { kind: 'positions', positions: positions.slice(0, limit + 1), next: 0 };
}

function wantedTrees(names: LogNames, trees: readonly TreeId[] | undefined, missing: StateVector | undefined): readonly WantedTree[] {
  const wanted: WantedTree[] = [];
  for (const name of trees ?? names.tree.ids.keys()) {
    const id = names.tree.ids.get(name);
    if (id === undefined) continue;
    const known = new Map<number, readonly CounterRange[]>();
    for (const [peer, ranges] of missing?.get(name) ?? []) {
      const peerId = names.peer.ids.get(peer);
      if (peerId !== undefined) known.set(peerId, ranges);
    }
    wanted.push({ id, known });
  }
  return wanted;
}

function testOf(wanted: readonly WantedTree[]): RowTest {
  const trees = new Map(wanted.map((tree) => [tree.id, tree.known]));
  return (tree, peer, counter) => {
    const known = trees.get(tree);
    if (known === undefined) return false;
    const ranges = known.get(peer);
    return ranges === undefined || !rangesContain(ranges, counter);
  };
}

const all: readonly CounterRange[] = [[0, Number.MAX_SAFE_INTEGER]];

/** Adds the positions of what is wanted of a tree; false, with the work left half done, if there are more than `most`. */
function* collectTree(tree: WantedTree, from: number, to: number, head: HeadRow, most: number, positions: number[]): Sql<boolean> {
  const end = positions.length + most;
  const within = from === 0 && to === head.position ? undefined : ([from, to] as const);
  if (tree.known.size === 0) {
    for (const position of yield* positionsWhere('tree = ?', [tree.id], within, most + 1)) positions.push(position);
    return positions.length <= end;
  }
  for (let peer = yield* nextPeer(tree.id, 0); peer !== undefined; peer = yield* nextPeer(tree.id, peer)) {
    for (const [first, last] of subtractRanges(all, tree.known.get(peer) ?? [])) {
      const condition = 'tree = ? AND peer = ? AND counter >= ? AND counter <= ?';
      const found = yield* positionsWhere(condition, [tree.id, peer, first, last], within, end - positions.length + 1);
      for (const position of found) positions.push(position);
      if (positions.length > end) return false;
    }
  }
  return true;
}

/** Handed over as one text: a third of the time of a row each. */
function* positionsWhere(
  condition: string,
  values: readonly SqlValue[],
  within: readonly [number, number] | undefined,
  most: number,
): Sql<readonly number[]> {
  const range = within ? ' AND position > ? AND position <= ?' : '';
  const found = yield* value(
    `SELECT json_group_array(position) FROM (SELECT position FROM record_id WHERE ${condition}${range} LIMIT ?)`,
    ...values,
    ...(within ?? []),
    most,
  );
  return JSON.parse(found as string) as readonly number[];
}

function* nextPeer(tree: number, after: number): Sql<number | undefined> {
  return (yield* value('SELECT peer FROM record_id WHERE tree = ? AND peer > ? ORDER BY peer LIMIT 1', tree, after)) as number | undefined;
}
