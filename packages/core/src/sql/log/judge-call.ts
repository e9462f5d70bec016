import { equalBytes } from '../../bytes.ts';
import type { OpRecord } from '../../contracts/op-store.ts';
import type { RecordId } from '../../contracts/outbox.ts';
import { StoreError } from '../../errors.ts';
import { rows, type Sql } from '../sql.ts';
import { forgetSurplus, type LogState, type Pair, pairOf } from './log-state.ts';
import { isAsWritten, readRowHead, rowCursor } from './row-data.ts';

/** What a call would do, found by reads alone. */
export interface Judgement {
  /** The pair of each record. */
  readonly pairs: readonly Pair[];
  /** Indices of the records that are new, rising; undefined if all are. */
  readonly fresh: readonly number[] | undefined;
  /** Where the last record of the call is: stored already at a position, or new, as the n-th of the new ones from 0. */
  readonly last: { readonly position: number } | { readonly fresh: number };
}

/** Tells which records of a call are new. Nothing of the call is written, so that a refused one needs no undoing; `settle` writes what earlier calls
 *  of the group left pending, before the table is read.
 *  Throws: equivocation, naming all ids that are there with other bytes. */
export function* judgeCall(state: LogState, records: readonly OpRecord[], settle: () => Sql<void>): Sql<Judgement> {
  forgetSurplus(state);
  const call = ++state.calls;
  const pairs: Pair[] = [];
  const others: RecordId[] = [];
  let fresh: number[] | undefined;
  let seen: Map<string, number> | undefined;
  let looked: Map<string, Stored | undefined> | undefined;
  let last: Judgement['last'] = { fresh: -1 };
  let pair: Pair | undefined;
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as OpRecord;
    if (pair === undefined || pair.tree !== record.tree || pair.peer !== record.peer) {
      pair = state.pairs.get(record.tree)?.get(record.peer);
      if (pair === undefined) {
        yield* settle();
        pair = yield* pairOf(state, record.tree, record.peer);
      }
      if (pair.call !== call) {
        pair.call = call;
        pair.highestInCall = pair.highest;
      }
    }
    pairs.push(pair);
    const isHigher = record.counter > pair.highestInCall;
    if (isHigher) pair.highestInCall = record.counter;
    // A higher counter than any before is new. Only the others need a look, and only from the first of them on does it matter which came before.
    if (isHigher && seen === undefined) continue;
    seen ??= indexOf(records, i);
    const key = `${record.tree}/${record.peer}/${record.counter}`;
    const earlier = isHigher ? undefined : seen.get(key);
    const mayBeStored = !isHigher && earlier === undefined && record.counter <= pair.highest;
    if (mayBeStored && !looked?.has(key)) {
      yield* settle();
      looked = yield* lookUp(state, records, i, looked ?? new Map());
    }
    const stored = mayBeStored ? looked?.get(key) : undefined;
    if (earlier === undefined && stored === undefined) {
      seen.set(key, i);
      fresh?.push(i);
      continue;
    }
    fresh ??= Array.from({ length: i }, (_, index) => index);
    const present = stored ? stored.body : (records[earlier as number] as OpRecord).body;
    if (!equalBytes(present, record.body)) others.push({ tree: record.tree, peer: record.peer, counter: record.counter });
    if (i === records.length - 1) last = stored ? { position: stored.position } : { fresh: fresh.indexOf(earlier as number) };
  }
  if (others.length > 0)
    throw new StoreError('equivocation', 'records are there under the same ids with other bytes', { context: { ids: distinct(others) } });
  const count = fresh?.length ?? records.length;
  return { pairs, fresh, last: 'fresh' in last && last.fresh < 0 ? { fresh: count - 1 } : last };
}

/** The records before the i-th by id: all are new, or there would be an index already. */
function indexOf(records: readonly OpRecord[], end: number): Map<string, number> {
  const seen = new Map<string, number>();
  for (let i = 0; i < end; i++) {
    const { tree, peer, counter } = records[i] as OpRecord;
    seen.set(`${tree}/${peer}/${counter}`, i);
  }
  return seen;
}

interface Stored {
  readonly position: number;
  readonly body: Uint8Array;
}

const lookUpOne =
  'SELECT 0, i.position, r.data FROM record_id i LEFT JOIN record r ON r.position = i.position WHERE i.tree = ? AND i.peer = ? AND i.counter = ?';
const lookUpMany = `SELECT w.key, i.position, r.data FROM json_each(?) AS w
  CROSS JOIN record_id AS i ON i.tree = w.value ->> 0 AND i.peer = w.value ->> 1 AND i.counter = w.value ->> 2 LEFT JOIN record AS r ON r.position = i.position`;

/** Adds what is stored of the records from the i-th on, as far as their pairs are known: a call that is made again has one question for all of them. */
function* lookUp(
  { pairs }: LogState,
  records: readonly OpRecord[],
  from: number,
  looked: Map<string, Stored | undefined>,
): Sql<Map<string, Stored | undefined>> {
  const keys: string[] = [];
  const asked: (readonly [tree: number, peer: number, counter: number])[] = [];
  for (let i = from; i < records.length; i++) {
    const { tree, peer, counter } = records[i] as OpRecord;
    const pair = pairs.get(tree)?.get(peer);
    const key = `${tree}/${peer}/${counter}`;
    if (pair === undefined || counter > pair.highest || looked.has(key)) continue;
    looked.set(key, undefined);
    if (pair.treeId === 0 || pair.peerId === 0) continue;
    keys.push(key);
    asked.push([pair.treeId, pair.peerId, counter]);
  }
  const [first] = asked;
  if (first === undefined) return looked;
  const found = asked.length === 1 ? yield* rows(lookUpOne, ...first) : yield* rows(lookUpMany, JSON.stringify(asked));
  for (const [index, position, data] of found as readonly (readonly [number, number, Uint8Array | null])[]) {
    const head = rowCursor();
    if (data === null || !isAsWritten(data) || !readRowHead(data, head) || head.position !== position)
      throw new StoreError('corrupt', 'a record is missing from the log, or not what was stored', { context: { position } });
    looked.set(keys[index] as string, { position, body: data.subarray(head.at, head.at + head.bodyBytes) });
  }
  return looked;
}

function distinct(ids: readonly RecordId[]): readonly RecordId[] {
  return [...new Map(ids.map((id) => [`${id.tree}/${id.peer}/${id.counter}`, id])).values()];
}
