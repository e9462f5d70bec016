import type { ReadQuery } from '../../contracts/op-store.ts';
import { type CounterRange, rangesContain, subtractRanges } from '../../counter-ranges.ts';
import type { PeerId, TreeId } from '../../ids.ts';
import type { SqlRow } from '../sql.ts';
import { integers, texts } from './arrays.ts';
import type { SharedHead } from './log-head.ts';
import type { PostgresTransaction } from './transaction.ts';

/** How a query finds its records: every one of a range of positions, those of a range that pass a test, or some positions. */
export type Filter =
  | { readonly kind: 'all' }
  | { readonly kind: 'test'; readonly passes: (row: SqlRow) => boolean }
  | { readonly kind: 'positions'; readonly positions: readonly number[]; next: number };

/** Sorting positions out of the id index pays while they are few; past this part of the range a scan by position is cheaper. */
const scanFraction = 1 / 8;
const smallRange = 1024;

/** The cheapest way to find the records of a query among the positions after `from` up to `to`. */
export async function filterOf(
  transaction: PostgresTransaction,
  head: SharedHead,
  { trees, missing, limit }: ReadQuery,
  from: number,
  to: number,
): Promise<Filter> {
  if (trees === undefined && (missing === undefined || missing.size === 0)) return { kind: 'all' };
  const pairs = await pairsOf(transaction, head, trees);
  const wanted = pairs.map(({ id, tree, peer }) => ({ id, known: missing?.get(tree)?.get(peer) ?? [] }));
  const most = Math.max(smallRange, Math.floor((to - from) * scanFraction));
  const ranges = wanted.flatMap(({ id, known }) => subtractRanges(all, known).map((range) => ({ id, range })));
  // The sort is small: no more rows than `most` come to it.
  const [answer] = await transaction.send([
    {
      sql: `SELECT r.position FROM unnest($2::int[], $3::bigint[], $4::bigint[]) AS q (pair, first, last)
CROSS JOIN LATERAL (SELECT position FROM record WHERE workspace = $1 AND pair = q.pair AND counter BETWEEN q.first AND q.last
 AND position > $5 AND position <= $6 OFFSET 0) AS r LIMIT $7`,
      values: [
        head.workspace,
        integers(ranges.map(({ id }) => id)),
        integers(ranges.map(({ range }) => range[0])),
        integers(ranges.map(({ range }) => range[1])),
        from,
        to,
        most + 1,
      ],
    },
  ]);
  const positions = (answer?.rows ?? []).map(([position]) => position as number);
  if (positions.length > most) return { kind: 'test', passes: testOf(wanted) };
  positions.sort((a, b) => a - b);
  return { kind: 'positions', positions: positions.slice(0, limit + 1), next: 0 };
}

const all: readonly CounterRange[] = [[0, Number.MAX_SAFE_INTEGER]];

export interface NamedPair {
  readonly id: number;
  readonly tree: TreeId;
  readonly peer: PeerId;
}

/** The pairs of some trees, or all, in the order of their names. */
export async function pairsOf(
  transaction: PostgresTransaction,
  { workspace }: SharedHead,
  trees: readonly TreeId[] | undefined,
): Promise<readonly NamedPair[]> {
  const [answer] = await transaction.send([
    trees === undefined
      ? { sql: 'SELECT id, tree, peer FROM pair WHERE workspace = $1 ORDER BY tree, peer', values: [workspace] }
      : {
          sql: 'SELECT id, tree, peer FROM pair WHERE workspace = $1 AND tree = ANY ($2::text[]) ORDER BY tree, peer',
          values: [workspace, texts(trees)],
        },
  ]);
  return (answer?.rows ?? []).map(([id, tree, peer]) => ({ id: id as number, tree: tree as TreeId, peer: peer as PeerId }));
}

function testOf(wanted: readonly { readonly id: number; readonly known: readonly CounterRange[] }[]): (row: SqlRow) => boolean {
  const pairs = new Map(wanted.map(({ id, known }) => [id, known]));
  return (row) => {
    const known = pairs.get(row[8] as number);
    return known !== undefined && !rangesContain(known, row[3] as number);
  };
}
