import type { ReadQuery } from '../../contracts/op-store.ts';
import { type CounterRange, rangesContain, subtractRanges } from '../../counter-ranges.ts';
import type { TreeId } from '../../ids.ts';
import type { StateVector } from '../../state-vector.ts';
import { rows, type Sql, type SqlRow, value } from '../sql.ts';
import { recordColumns } from './decode-rows.ts';
import type { HeadRow } from './log-head.ts';
import type { LogNames } from './log-names.ts';

/** How a query finds its records: every one of a range of positions, those of a range that pass a test, some positions, or rows that were found already. */
export type Filter =
  | { readonly kind: 'all' }
  | { readonly kind: 'rows'; readonly rows: readonly SqlRow[]; next: number }
  | { readonly kind: 'test'; readonly passes: (row: SqlRow) => boolean }
  | { readonly kind: 'positions'; readonly positions: readonly number[]; next: number };

/** What the query asks of one tree: all of it, or of each peer what these ranges do not hold. */
interface WantedTree {
  readonly id: number;
  readonly known: ReadonlyMap<number, readonly CounterRange[]>;
}

/** Sorting positions out of the id index pays while they are few; past this part of the range a scan by position is cheaper. */
const scanFraction = 1 / 8;
const smallRange = 1024;
/** A tree of no more records than these is read in one go by the id index; a larger one has lost no more than that. */
const thinTree = 256;

/** The cheapest way to find the records of a query among the positions after `from` up to `to`. */
export function* filterOf(names: LogNames, query: ReadQuery, from: number, to: number, head: HeadRow): Sql<Filter> {
  const { trees, missing, limit } = query;
  if (trees === undefined && (missing === undefined || missing.size === 0)) return { kind: 'all' };
  const wanted = wantedTrees(names, trees, missing);
  if (missing === undefined) {
    const thin = yield* thinRows(wanted, from, to, Math.min(limit, thinTree));
    if (thin) return { kind: 'rows', rows: thin, next: 0 };
  }
  const most = Math.max(smallRange, Math.floor((to - from) * scanFraction));
  const positions: number[] = [];
  for (const tree of wanted) {
    const isInside = yield* collectTree(tree, from, to, head, most - positions.length, positions);
    if (!isInside) return { kind: 'test', passes: testOf(wanted) };
  }
  positions.sort((a, b) => a - b);
  return { kind: 'positions', positions: positions.slice(0, limit + 1), next: 0 };
}

/** All rows of some trees in order of position, or undefined if there are more than `most`. */
function* thinRows(wanted: readonly WantedTree[], from: number, to: number, most: number): Sql<readonly SqlRow[] | undefined> {
  const found: SqlRow[] = [];
  for (const { id } of wanted) {
    const some = yield* rows(
      `SELECT ${recordColumns} FROM record INDEXED BY record_id WHERE tree = ? AND position > ? AND position <= ? LIMIT ?`,
      id,
      from,
      to,
      most - found.length + 1,
    );
    found.push(...some);
    if (found.length > most) return undefined;
  }
  return found.sort((a, b) => (a[0] as number) - (b[0] as number));
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

function testOf(wanted: readonly WantedTree[]): (row: SqlRow) => boolean {
  const trees = new Map(wanted.map((tree) => [tree.id, tree.known]));
  return (row) => {
    const known = trees.get(row[1] as number);
    if (known === undefined) return false;
    const ranges = known.get(row[2] as number);
    return ranges === undefined || !rangesContain(ranges, row[3] as number);
  };
}

const all: readonly CounterRange[] = [[0, Number.MAX_SAFE_INTEGER]];

/** Adds the positions of what is wanted of a tree; false, with the work left half done, if there are more than `most`. */
function* collectTree(tree: WantedTree, from: number, to: number, head: HeadRow, most: number, positions: number[]): Sql<boolean> {
  const end = positions.length + most;
  const isWhole = from === 0 && to === head.position;
  if (tree.known.size === 0) {
    const found = yield* rows(
      'SELECT position FROM record INDEXED BY record_id WHERE tree = ? AND position > ? AND position <= ? LIMIT ?',
      tree.id,
      from,
      to,
      most + 1,
    );
    for (const [position] of found) positions.push(position as number);
    return positions.length <= end;
  }
  for (let peer = yield* nextPeer(tree.id, 0); peer !== undefined; peer = yield* nextPeer(tree.id, peer)) {
    for (const [first, last] of subtractRanges(all, tree.known.get(peer) ?? [])) {
      const found = isWhole
        ? yield* rows(
            'SELECT position FROM record INDEXED BY record_id WHERE tree = ? AND peer = ? AND counter >= ? AND counter <= ? LIMIT ?',
            tree.id,
            peer,
            first,
            last,
            end - positions.length + 1,
          )
        : yield* rows(
            'SELECT position FROM record INDEXED BY record_id WHERE tree = ? AND peer = ? AND counter >= ? AND counter <= ? AND position > ? AND position <= ? LIMIT ?',
            tree.id,
            peer,
            first,
            last,
            from,
            to,
            end - positions.length + 1,
          );
      for (const [position] of found) positions.push(position as number);
      if (positions.length > end) return false;
    }
  }
  return true;
}

function* nextPeer(tree: number, after: number): Sql<number | undefined> {
  return (yield* value('SELECT peer FROM record INDEXED BY record_id WHERE tree = ? AND peer > ? ORDER BY peer LIMIT 1', tree, after)) as
    | number
    | undefined;
}
