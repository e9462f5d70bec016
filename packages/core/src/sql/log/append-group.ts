import { refuseFenced } from '../../check-append-options.ts';
import type { AppendResult, OpRecord } from '../../contracts/op-store.ts';
import { isStoreError, StoreError } from '../../errors.ts';
import type { Session } from '../database.ts';
import type { Sql } from '../sql.ts';
import { type Judgement, judgeCall } from './judge-call.ts';
import type { KnownHeads } from './known-heads.ts';
import { type HeadRow, headCursor, newHead, writeHead } from './log-head.ts';
import type { LogNames } from './log-names.ts';
import { extendTail, internAuthor, internPair, isCurrent, type LogState, loadState, type Pair } from './log-state.ts';
import { type PendingRows, pendingRows } from './pending-rows.ts';
import { idDigest } from './row-digest.ts';

/** One checked call. */
export interface AppendCall {
  readonly records: readonly OpRecord[];
  /** Sum of body lengths. */
  readonly bytes: number;
  readonly ifEpoch?: number;
  readonly via?: string;
  readonly receivedAt?: number;
}

export type AppendVerdict = { readonly result: AppendResult } | { readonly error: StoreError };

/** A verdict for each call, in order: a refused one has written nothing and the others are whole. Throws where the database fails: then no
 *  call has happened. `known` is the state after the last group of this session. */
export function* appendGroup(
  session: Session,
  heads: KnownHeads,
  known: LogState | undefined,
  knownNames: LogNames | undefined,
  calls: readonly AppendCall[],
  now: number,
): Sql<{ readonly verdicts: readonly AppendVerdict[]; readonly state: LogState }> {
  const head = yield* heads.read(session);
  const state = known && isCurrent(known, head) ? known : yield* loadState(head, knownNames);
  state.head = head;
  const verdicts: ({ added: number; committedAt: number } | { error: StoreError })[] = [];
  const digests: number[] = [];
  const rows = pendingRows();
  for (const call of calls) {
    try {
      verdicts.push(yield* appendCall(state, call, now, digests, rows));
    } catch (error) {
      if (!isStoreError(error) || !isRefusal(error)) throw error;
      verdicts.push({ error });
    }
  }
  yield* rows.settle();
  if (digests.length > 0 && state.head) {
    state.head = { ...state.head, nameSum: state.names.sum, chain: yield* extendTail(state, digests) };
    yield* writeHead(state.head);
  }
  heads.written(session, state.head);
  const through = state.head && headCursor(state.head);
  return { state, verdicts: verdicts.map((verdict) => ('error' in verdict ? verdict : { result: { ...verdict, through } })) };
}

/** Refusals concern one call; anything else is a failure of the database and concerns the transaction. */
function isRefusal(error: StoreError): boolean {
  return error.code === 'equivocation' || error.code === 'denied' || error.code === 'not_found';
}

function* appendCall(
  state: LogState,
  call: AppendCall,
  now: number,
  digests: number[],
  rows: PendingRows,
): Sql<{ added: number; committedAt: number }> {
  refuseByEpoch(state.head, call.ifEpoch);
  if (call.records.length === 0) return { added: 0, committedAt: state.head?.position ?? 0 };
  const judgement = yield* judgeCall(state, call.records, rows.settle);
  const head = state.head ?? newHead();
  const added = judgement.fresh?.length ?? call.records.length;
  if (added > 0) state.head = yield* store(state, head, call, judgement, now, digests, rows);
  const { last } = judgement;
  return { added, committedAt: 'position' in last ? last.position : head.position + last.fresh + 1 };
}

/** Throws: not_found, denied. */
export function refuseByEpoch(head: Pick<HeadRow, 'epoch'> | undefined, ifEpoch: number | undefined): void {
  if (ifEpoch === undefined) return;
  if (!head) throw new StoreError('not_found', 'there is no such workspace');
  refuseFenced(head, ifEpoch);
}

function* store(
  state: LogState,
  head: HeadRow,
  call: AppendCall,
  judgement: Judgement,
  now: number,
  digests: number[],
  rows: PendingRows,
): Sql<HeadRow> {
  const { pairs, fresh } = judgement;
  const count = fresh?.length ?? call.records.length;
  const receivedAt = Math.max(call.receivedAt ?? now, head.receivedAt);
  const author = yield* internAuthor(state, call.via);
  let { position, bytes, maxCounter, maxBody, idSum } = head;
  for (let i = 0; i < count; i++) {
    const index = fresh ? (fresh[i] as number) : i;
    const { counter, body } = call.records[index] as OpRecord;
    const pair = pairs[index] as Pair;
    if (pair.treeId === 0 || pair.peerId === 0) yield* internPair(state, pair);
    position++;
    bytes += body.length;
    idSum += idDigest(pair.treeId, pair.peerId, counter, position);
    if (counter > maxCounter) maxCounter = counter;
    if (body.length > maxBody) maxBody = body.length;
    if (counter > pair.highest) pair.highest = counter;
    digests.push(rows.add(pair, { position, counter, author, receivedAt }, body));
  }
  return { ...head, position, receivedAt, bytes, maxCounter, maxBody, idSum, records: head.records + count };
}
