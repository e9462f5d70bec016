import { equalBytes } from '../../bytes.ts';
import type { OpRecord } from '../../contracts/op-store.ts';
import { StoreError } from '../../errors.ts';
import { seededDigest } from '../../log/chain.ts';
import { type AppendCall, refuseByEpoch } from '../log/append-group.ts';
import { digestOfRow } from '../log/row-digest.ts';
import type { SharedHead } from './log-head.ts';
import { addPair, type LogState, type Pair, pairOf } from './log-state.ts';

/** A record that is stored already, or that a call of the same group brought. */
export interface Present {
  readonly position: number;
  readonly body: Uint8Array;
}

/** Records by pair and counter. */
export type PresentRecords = Map<Pair, Map<number, Present>>;

/** A row to insert. */
export interface NewRow extends Present {
  readonly pair: Pair;
  readonly counter: number;
  readonly receivedAt: number;
  readonly via: string | undefined;
  readonly digest: number;
}

/** One log while the calls of a group are judged, one after the other. */
export interface LogAtWork {
  head: SharedHead;
  readonly state: LogState;
  /** False until the first record of a log that begins now. */
  exists: boolean;
  /** Every record that a call may bring again. */
  readonly stored: PresentRecords;
  readonly rows: NewRow[];
  readonly newPairs: Pair[];
}

export interface Accepted {
  readonly added: number;
  readonly committedAt: number;
}

interface Fresh extends Present {
  readonly pair: Pair;
  readonly counter: number;
}

/** Adds what is new of a call to the rows of its log, or nothing of it.
 *  Throws: not_found, denied; equivocation, naming all ids that are there with other bytes. */
export function judgeCall(log: LogAtWork, call: AppendCall, now: number): Accepted {
  const { head, state } = log;
  refuseByEpoch(log.exists ? head : undefined, call.ifEpoch);
  if (call.records.length === 0) return { added: 0, committedAt: head.position };
  const number = ++state.calls;
  const fresh: Fresh[] = [];
  const others: OpRecord[] = [];
  let brought: PresentRecords | undefined;
  let committedAt = 0;
  for (const { tree, peer, counter, body } of call.records) {
    const pair = pairOf(state, tree, peer) ?? addPair(state, tree, peer, 0, -1);
    if (pair.call !== number) {
      pair.call = number;
      pair.highestInCall = pair.highest;
    }
    const isHigher = counter > pair.highestInCall;
    if (isHigher) pair.highestInCall = counter;
    // A higher counter than any before is new. Only the others need a look, and only for them is what this group brought put in order.
    if (!isHigher) brought ??= indexOf([...log.rows, ...fresh]);
    const present = isHigher ? undefined : (find(brought, pair, counter) ?? find(log.stored, pair, counter));
    if (present === undefined) {
      committedAt = head.position + fresh.length + 1;
      const one = { pair, counter, body, position: committedAt };
      fresh.push(one);
      if (brought) put(brought, pair, counter, one);
      continue;
    }
    committedAt = present.position;
    if (!equalBytes(present.body, body)) others.push({ tree, peer, counter, body });
  }
  if (others.length > 0) throw equivocation(others);
  if (fresh.length > 0) accept(log, call, fresh, now);
  return { added: fresh.length, committedAt };
}

function accept(log: LogAtWork, call: AppendCall, fresh: readonly Fresh[], now: number): void {
  let { bytes, maxCounter, pairs } = log.head;
  const receivedAt = Math.max(call.receivedAt ?? now, log.head.receivedAt);
  for (const { pair, counter, body, position } of fresh) {
    if (pair.id === 0) {
      pair.id = ++pairs;
      log.newPairs.push(pair);
    }
    bytes += body.length;
    maxCounter = Math.max(maxCounter, counter);
    pair.highest = Math.max(pair.highest, counter);
    const digest = digestOfRow(seededDigest(pair.seed, counter, position, receivedAt, body), call.via);
    log.rows.push({ pair, counter, position, receivedAt, via: call.via, digest, body });
  }
  log.head = { ...log.head, position: log.head.position + fresh.length, bytes, maxCounter, pairs, receivedAt };
  log.exists = true;
}

function indexOf(rows: readonly Fresh[]): PresentRecords {
  const records: PresentRecords = new Map();
  for (const row of rows) put(records, row.pair, row.counter, row);
  return records;
}

function find(records: PresentRecords | undefined, pair: Pair, counter: number): Present | undefined {
  return records?.get(pair)?.get(counter);
}

export function put(records: PresentRecords, pair: Pair, counter: number, present: Present): void {
  const counters = records.get(pair);
  if (counters) counters.set(counter, present);
  else records.set(pair, new Map([[counter, present]]));
}

function equivocation(records: readonly OpRecord[]): StoreError {
  const ids = new Map(records.map(({ tree, peer, counter }) => [`${tree}/${peer}/${counter}`, { tree, peer, counter }]));
  return new StoreError('equivocation', 'records are there under the same ids with other bytes', { context: { ids: [...ids.values()] } });
}
