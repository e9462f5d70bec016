import { type CounterRange, equalRanges, normaliseRanges, rangesContain, subtractRanges } from './counter-ranges.ts';
import { getOrInsert } from './get-or-insert.ts';
import { compareIds, type PeerId, type TreeId } from './ids.ts';

export type { CounterRange } from './counter-ranges.ts';

/** Which records there are: per tree and peer the counters stored, as sorted, disjoint, non-touching ranges.
 *  Everything here returns vectors without empty trees or peers, both in byte order of their ids. */
export type StateVector = ReadonlyMap<TreeId, ReadonlyMap<PeerId, readonly CounterRange[]>>;

export interface StateVectorBuilder {
  readonly addCounter: (tree: TreeId, peer: PeerId, counter: number) => void;
  readonly addRange: (tree: TreeId, peer: PeerId, first: number, last: number) => void;
  /** The vector of what was added, in any order and with repetitions. */
  readonly build: () => StateVector;
}

export function stateVectorBuilder(): StateVectorBuilder {
  const trees = new Map<TreeId, Map<PeerId, [first: number, last: number][]>>();
  const newMap = (): Map<PeerId, [number, number][]> => new Map();
  const newList = (): [number, number][] => [];
  const addRange = (tree: TreeId, peer: PeerId, first: number, last: number): void => {
    const ranges = getOrInsert(getOrInsert(trees, tree, newMap), peer, newList);
    const end = ranges.at(-1);
    // Records mostly come in rising order: growing the last range keeps memory at the size of the result.
    if (end !== undefined && first >= end[0] && first <= end[1] + 1) end[1] = Math.max(end[1], last);
    else ranges.push([first, last]);
  };
  return {
    addCounter: (tree, peer, counter) => addRange(tree, peer, counter, counter),
    addRange,
    build: () => vectorFrom(sortedEntries(trees), (ranges) => normaliseRanges(ranges)),
  };
}

/** The vector of some records. */
export function vectorOf(records: Iterable<{ readonly tree: TreeId; readonly peer: PeerId; readonly counter: number }>): StateVector {
  const builder = stateVectorBuilder();
  for (const { tree, peer, counter } of records) builder.addCounter(tree, peer, counter);
  return builder.build();
}

/** What is in `a` or `b`. */
export function unionVectors(a: StateVector, b: StateVector): StateVector {
  const builder = stateVectorBuilder();
  for (const vector of [a, b]) eachRange(vector, builder.addRange);
  return builder.build();
}

/** What is in `a` and not in `b`. */
export function subtractVectors(a: StateVector, b: StateVector): StateVector {
  return vectorFrom(sortedEntries(a), (ranges, tree, peer) => {
    const known = b.get(tree)?.get(peer);
    return known === undefined ? ranges.map(([first, last]): CounterRange => [first, last]) : subtractRanges(ranges, known);
  });
}

/** Whether the vector holds one record. Takes the logarithm of the peer's ranges. */
export function containsCounter(vector: StateVector, tree: TreeId, peer: PeerId, counter: number): boolean {
  const ranges = vector.get(tree)?.get(peer);
  return ranges !== undefined && rangesContain(ranges, counter);
}

/** Whether it holds no record. */
export function isEmptyVector(vector: StateVector): boolean {
  return countRanges(vector) === 0;
}

/** How many ranges it has: the measure of its size in memory and on the wire. */
export function countRanges(vector: StateVector): number {
  let count = 0;
  for (const peers of vector.values()) for (const ranges of peers.values()) count += ranges.length;
  return count;
}

/** Whether both hold the same records; the order of trees and peers does not matter. */
export function equalVectors(a: StateVector, b: StateVector): boolean {
  if (a.size !== b.size) return false;
  for (const [tree, peers] of a) {
    const others = b.get(tree);
    if (others === undefined || others.size !== peers.size) return false;
    for (const [peer, ranges] of peers) {
      const theirs = others.get(peer);
      if (theirs === undefined || !equalRanges(ranges, theirs)) return false;
    }
  }
  return true;
}

function eachRange(vector: StateVector, visit: (tree: TreeId, peer: PeerId, first: number, last: number) => void): void {
  for (const [tree, peers] of vector)
    for (const [peer, ranges] of peers) for (const [first, last] of ranges) visit(tree, peer, first, last);
}

type Entries<Ranges> = readonly (readonly [TreeId, readonly (readonly [PeerId, Ranges])[]])[];

function sortedEntries<Ranges>(trees: ReadonlyMap<TreeId, ReadonlyMap<PeerId, Ranges>>): Entries<Ranges> {
  const byId = (a: readonly [string, unknown], b: readonly [string, unknown]) => compareIds(a[0], b[0]);
  return [...trees].sort(byId).map(([tree, peers]) => [tree, [...peers].sort(byId)] as const);
}

function vectorFrom<Ranges>(
  entries: Entries<Ranges>,
  rangesOf: (ranges: Ranges, tree: TreeId, peer: PeerId) => readonly CounterRange[],
): StateVector {
  const vector = new Map<TreeId, ReadonlyMap<PeerId, readonly CounterRange[]>>();
  for (const [tree, peers] of entries) {
    const kept = new Map<PeerId, readonly CounterRange[]>();
    for (const [peer, given] of peers) {
      const ranges = rangesOf(given, tree, peer);
      if (ranges.length > 0) kept.set(peer, ranges);
    }
    if (kept.size > 0) vector.set(tree, kept);
  }
  return vector;
}
