import { equalBytes } from '../bytes.ts';
import type { CheckedRecords } from '../check-records.ts';
import type { AppendOptions, AppendResult, OpRecord } from '../contracts/op-store.ts';
import type { RecordId } from '../contracts/outbox.ts';
import { StoreError, toStoreError } from '../errors.ts';
import { cursorAt, type OpLog, pushRecord, recordOf, sealGroup } from './op-log.ts';

/** One append that waits for its group's commit. */
export interface AppendCall extends CheckedRecords {
  readonly options: AppendOptions;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: StoreError) => void;
}

/** The log of the workspace the group is for: it is created by the first call that adds something. */
export interface GroupLog {
  readonly find: () => OpLog | undefined;
  readonly create: () => OpLog;
}

/** Commits calls together: each as a whole or not at all, in order, and with one end of the chain for all.
 *  Law: a refused call leaves the others as if it had never been made. */
export function commitGroup(calls: readonly AppendCall[], { find, create }: GroupLog, now: number): void {
  const committed: { readonly call: AppendCall; readonly result: Omit<AppendResult, 'through'> }[] = [];
  for (const call of calls) {
    try {
      committed.push({ call, result: commitCall(call, find, create, now) });
    } catch (error) {
      call.reject(toStoreError(error));
    }
  }
  const log = find();
  if (log) sealGroup(log);
  const through = log && cursorAt(log, log.records.length);
  for (const { call, result } of committed) call.resolve({ ...result, through });
}

/** Judges the whole call before it writes any of it, which makes a savepoint unnecessary. */
function commitCall(call: AppendCall, find: GroupLog['find'], create: GroupLog['create'], now: number): Omit<AppendResult, 'through'> {
  if (call.signal?.aborted) throw new StoreError('aborted', 'aborted before the work started', { cause: call.signal.reason });
  const present = find();
  checkEpoch(present, call.options.ifEpoch);
  const fresh = freshRecords(present, call.records);
  const last = call.records.at(-1);
  if (last === undefined) return { added: 0, committedAt: present?.records.length ?? 0 };
  const log = present ?? create();
  const receivedAt = Math.max(call.options.receivedAt ?? now, log.records.at(-1)?.receivedAt ?? 0);
  for (const record of fresh) pushRecord(log, record, receivedAt, call.options.via);
  return { added: fresh.length, committedAt: recordOf(log, last)?.position ?? log.records.length };
}

/** Throws: not_found, denied. */
function checkEpoch(log: OpLog | undefined, ifEpoch: number | undefined): void {
  if (ifEpoch === undefined) return;
  if (log === undefined) throw new StoreError('not_found', 'there is no such log');
  if (ifEpoch < log.epoch) throw new StoreError('denied', 'the log was fenced', { context: { epoch: log.epoch, ifEpoch } });
}

/** The records that are not there yet, each once, in the order of the call. Throws: equivocation, naming every id that has other bytes. */
function freshRecords(log: OpLog | undefined, records: readonly OpRecord[]): readonly OpRecord[] {
  const inCall = new Map<string, OpRecord>();
  const refused = new Map<string, RecordId>();
  const fresh: OpRecord[] = [];
  for (const record of records) {
    const { tree, peer, counter, body } = record;
    const id = `${tree}/${peer}/${counter}`; // no id holds a slash
    const known = (log && recordOf(log, record)) ?? inCall.get(id);
    if (known === undefined) {
      inCall.set(id, record);
      fresh.push(record);
    } else if (!equalBytes(known.body, body)) refused.set(id, { tree, peer, counter });
  }
  if (refused.size === 0) return fresh;
  throw new StoreError('equivocation', `${refused.size} of the records have other bytes under their ids`, {
    context: { ids: [...refused.values()] },
  });
}
