import type { AppendOptions, CounterRange, OpRecord, StateVector, StoreErrorCode } from '@spacestore/core';

/** A stored record without its time, which is the clock's matter. */
export type ModelRecord = OpRecord & { readonly position: number };

export interface LogModel {
  /** In position order. */
  readonly records: readonly ModelRecord[];
  readonly epoch: number;
}

export type ModelOutcome =
  | { readonly ok: true; readonly added: number; readonly log: LogModel | undefined }
  | { readonly ok: false; readonly code: StoreErrorCode; readonly ids: readonly string[] };

/** An id as one string no other id has: the grammar has no slash. */
export const idOf = (record: Pick<OpRecord, 'tree' | 'peer' | 'counter'>): string => `${record.tree}/${record.peer}/${record.counter}`;

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** What an append of valid records does to a log: the whole law of the write path. */
export function appendTo(log: LogModel | undefined, records: readonly OpRecord[], options: AppendOptions = {}): ModelOutcome {
  if (options.ifEpoch !== undefined) {
    if (log === undefined) return { ok: false, code: 'not_found', ids: [] };
    if (options.ifEpoch < log.epoch) return { ok: false, code: 'denied', ids: [] };
  }
  if (records.length === 0) return { ok: true, added: 0, log };
  const known = new Map((log?.records ?? []).map((record) => [idOf(record), record.body]));
  const fresh: ModelRecord[] = [];
  const clashes = new Set<string>();
  let position = log?.records.length ?? 0;
  for (const record of records) {
    const there = known.get(idOf(record));
    if (there === undefined) {
      known.set(idOf(record), record.body);
      fresh.push({ ...record, body: Uint8Array.from(record.body), position: ++position });
    } else if (!sameBytes(there, record.body)) clashes.add(idOf(record));
  }
  if (clashes.size > 0) return { ok: false, code: 'equivocation', ids: [...clashes] };
  return { ok: true, added: fresh.length, log: { records: [...(log?.records ?? []), ...fresh], epoch: log?.epoch ?? 0 } };
}

/** Raises a log's epoch, never lowers it; makes the log if there is none. */
export function fenced(log: LogModel | undefined, epoch: number): LogModel {
  return { records: log?.records ?? [], epoch: Math.max(log?.epoch ?? 0, epoch) };
}

const covers = (ranges: readonly CounterRange[] | undefined, counter: number): boolean =>
  ranges?.some(([first, last]) => first <= counter && counter <= last) ?? false;

/** Records as a caller hands them in: without what a log adds. */
export const plain = (records: readonly OpRecord[]): OpRecord[] =>
  records.map(({ tree, peer, counter, body }) => ({ tree, peer, counter, body }));

/** True if a vector has a record. */
export function vectorHas(vector: StateVector, record: Pick<OpRecord, 'tree' | 'peer' | 'counter'>): boolean {
  return covers(vector.get(record.tree)?.get(record.peer), record.counter);
}

/** The exact vector of a set of records: sorted, maximal ranges. */
export function vectorOf(records: readonly Pick<OpRecord, 'tree' | 'peer' | 'counter'>[]): StateVector {
  const vector = new Map<OpRecord['tree'], Map<OpRecord['peer'], [number, number][]>>();
  for (const { tree, peer, counter } of [...records].sort((a, b) => a.counter - b.counter)) {
    const peers = vector.get(tree) ?? new Map<OpRecord['peer'], [number, number][]>();
    const ranges = peers.get(peer) ?? [];
    vector.set(tree, peers.set(peer, ranges));
    const last = ranges.at(-1);
    if (last && counter <= last[1] + 1) last[1] = Math.max(last[1], counter);
    else ranges.push([counter, counter]);
  }
  return vector;
}
