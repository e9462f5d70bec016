import { type CheckedVectorQuery, encodeVectorPlace, type VectorPlace } from '../check-queries.ts';
import type { VectorPage } from '../contracts/op-store.ts';
import { compareIds } from '../ids.ts';
import { type CounterRange, stateVectorBuilder } from '../state-vector.ts';
import { cursorAt, type OpLog, type PeerIndex, positionOfCursor } from './op-log.ts';

/** One page of the vector. Throws: stale_cursor. */
export function vectorOfLog(log: OpLog, { query, through, after }: CheckedVectorQuery): VectorPage {
  const bound = through ? positionOfCursor(log, through) : log.records.length;
  const throughCursor = cursorAt(log, bound);
  const builder = stateVectorBuilder();
  let last: VectorPlace | undefined;
  let count = 0;
  for (const [place, first] of eachRange(log, query.trees, after, bound)) {
    if (count === query.limit && last !== undefined) {
      const next = { ...query, after: encodeVectorPlace(last), through: throughCursor };
      return { vector: builder.build(), next, through: throughCursor };
    }
    builder.addRange(place.tree, place.peer, first, place.counter);
    last = place;
    count++;
  }
  return { vector: builder.build(), through: throughCursor };
}

/** Ranges in order of tree, peer and counter, behind a place. */
function* eachRange(
  log: OpLog,
  trees: readonly string[] | undefined,
  after: VectorPlace | undefined,
  bound: number,
): Generator<readonly [place: VectorPlace, first: number]> {
  const named = trees && new Set(trees);
  for (const tree of [...log.trees.keys()].sort(compareIds)) {
    if ((named && !named.has(tree)) || (after && tree < after.tree)) continue;
    const peers = log.trees.get(tree) ?? new Map<never, never>();
    for (const peer of [...peers.keys()].sort(compareIds)) {
      const resumes = after?.tree === tree;
      if (resumes && peer < after.peer) continue;
      const beyond = resumes && peer === after.peer ? after.counter : -1;
      for (const [first, last] of rangesOfPeer(peers.get(peer) as PeerIndex, beyond, bound)) yield [{ tree, peer, counter: last }, first];
    }
  }
}

/** Maximal ranges of the counters above `beyond` that are stored at or before a position. */
function* rangesOfPeer(index: PeerIndex, beyond: number, bound: number): Generator<CounterRange> {
  if (!index.sorted) {
    index.counters.sort((a, b) => a - b);
    index.sorted = true;
  }
  const { counters, positions } = index;
  let first: number | undefined;
  let last = -2;
  for (let i = countUpTo(counters, beyond); i < counters.length; i++) {
    const counter = counters[i] as number;
    if ((positions.get(counter) as number) > bound) continue;
    if (counter !== last + 1) {
      if (first !== undefined) yield [first, last];
      first = counter;
    }
    last = counter;
  }
  if (first !== undefined) yield [first, last];
}

function countUpTo(sorted: readonly number[], counter: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= counter) low = middle + 1;
    else high = middle;
  }
  return low;
}
