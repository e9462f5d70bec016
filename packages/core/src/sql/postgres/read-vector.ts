import { type checkVectorQuery, encodeVectorPlace, type VectorPlace } from '../../check-queries.ts';
import type { VectorPage } from '../../contracts/op-store.ts';
import type { CounterRange } from '../../counter-ranges.ts';
import { compareIds, type PeerId, type TreeId } from '../../ids.ts';
import { refuseCursor } from '../log/log-head.ts';
import { integers } from './arrays.ts';
import { cursorAt, placeOfCursor } from './cursors.ts';
import { type NamedPair, pairsOf } from './filter.ts';
import { headCursor, type SharedHead } from './log-head.ts';
import type { PostgresTransaction } from './transaction.ts';

/** Counters of a pair fetched at once, and pairs asked for at once. */
const counterBatch = 4096;
const pairBatch = 64;
const firstCounters = 64;

/** One page of the vector, from the id index alone. */
export async function readVector(
  transaction: PostgresTransaction,
  head: SharedHead | undefined,
  { query, after }: ReturnType<typeof checkVectorQuery>,
): Promise<VectorPage> {
  if (!head) {
    refuseCursor(query.through);
    return { vector: new Map(), through: undefined };
  }
  const end = query.through === undefined ? head.position : await placeOfCursor(transaction, head, query.through);
  const through = end === head.position ? headCursor(head) : await cursorAt(transaction, head, end);
  const pairs = (await pairsOf(transaction, head, query.trees)).filter((pair) => after === undefined || comparePair(pair, after) >= 0);
  const vector = new Map<TreeId, Map<PeerId, readonly CounterRange[]>>();
  let last: VectorPlace | undefined;
  let left = query.limit;
  for (let i = 0; i < pairs.length; i += pairBatch) {
    const some = pairs.slice(i, i + pairBatch);
    const begun = await someCounters(transaction, head, some, after, end);
    for (const pair of some) {
      const ranges = await rangesOf(transaction, head, pair, begun.get(pair.id) ?? [], end, left + 1);
      if (ranges.length === 0) continue;
      const kept = ranges.slice(0, left);
      if (kept.length > 0) {
        addRanges(vector, pair, kept);
        last = { tree: pair.tree, peer: pair.peer, counter: (kept.at(-1) as CounterRange)[1] };
      }
      if (ranges.length > left)
        return { vector, through, next: { ...query, through, ...(last === undefined ? {} : { after: encodeVectorPlace(last) }) } };
      left -= ranges.length;
    }
  }
  return { vector, through };
}

function comparePair(pair: NamedPair, place: VectorPlace): number {
  return compareIds(pair.tree, place.tree) || compareIds(pair.peer, place.peer);
}

function addRanges(
  vector: Map<TreeId, Map<PeerId, readonly CounterRange[]>>,
  { tree, peer }: NamedPair,
  ranges: readonly CounterRange[],
): void {
  const peers = vector.get(tree) ?? new Map<PeerId, readonly CounterRange[]>();
  vector.set(tree, peers);
  peers.set(peer, ranges);
}

/** The first counters of each of some pairs: of most pairs there are no more. */
async function someCounters(
  transaction: PostgresTransaction,
  { workspace }: SharedHead,
  pairs: readonly NamedPair[],
  after: VectorPlace | undefined,
  end: number,
): Promise<ReadonlyMap<number, readonly number[]>> {
  const from = pairs.map((pair) => (after !== undefined && comparePair(pair, after) === 0 ? after.counter : -1));
  const [answer] = await transaction.send([
    {
      sql: `SELECT q.pair, r.counter FROM unnest($2::int[], $3::bigint[]) AS q (pair, above)
CROSS JOIN LATERAL (SELECT counter FROM record WHERE workspace = $1 AND pair = q.pair AND counter > q.above AND position <= $4
 ORDER BY counter LIMIT ${firstCounters}) AS r`,
      values: [workspace, integers(pairs.map(({ id }) => id)), integers(from), end],
    },
  ]);
  const counters = new Map<number, number[]>();
  for (const [pair, counter] of answer?.rows ?? []) {
    const known = counters.get(pair as number);
    if (known) known.push(counter as number);
    else counters.set(pair as number, [counter as number]);
  }
  for (const some of counters.values()) some.sort((a, b) => a - b);
  return counters;
}

/** Up to `count` ranges of a pair, whose first counters are given. */
async function rangesOf(
  transaction: PostgresTransaction,
  { workspace }: SharedHead,
  pair: NamedPair,
  first: readonly number[],
  end: number,
  count: number,
): Promise<readonly CounterRange[]> {
  const ranges: [number, number][] = [];
  let some = first;
  for (let full = firstCounters; ; full = counterBatch) {
    for (const counter of some) {
      const current = ranges.at(-1);
      if (current !== undefined && counter === current[1] + 1) current[1] = counter;
      else if (ranges.length === count) return ranges;
      else ranges.push([counter, counter]);
    }
    if (some.length < full) return ranges;
    const [answer] = await transaction.send([
      {
        sql: `SELECT counter FROM record WHERE workspace = $1 AND pair = $2 AND counter > $3 AND position <= $4 ORDER BY counter LIMIT ${counterBatch}`,
        values: [workspace, pair.id, some.at(-1) as number, end],
      },
    ]);
    some = (answer?.rows ?? []).map(([counter]) => counter as number);
  }
}
