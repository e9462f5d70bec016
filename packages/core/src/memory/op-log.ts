import type { Head, OpRecord, StoredRecord } from '../contracts/op-store.ts';
import { getOrInsert } from '../get-or-insert.ts';
import type { PeerId, TreeId, UserId, WorkspaceId } from '../ids.ts';
import { type ChainDigest, chainTag, emptyChain, extendChain, recordDigest } from '../log/chain.ts';
import { type Cursor, type CursorParts, encodeCursor, type Fork, reachOfCursor, staleCursor } from '../log/cursor.ts';

/** The most records one row of the chain covers: bounds what checking a cursor inside a group costs. */
export const maxChainRow = 512;

export interface LogRecord extends StoredRecord {
  readonly digest: number;
}

/** A peer's records in one tree: counter → position, and the counters, in order once asked for. */
export interface PeerIndex {
  readonly positions: Map<number, number>;
  readonly counters: number[];
  sorted: boolean;
}

/** The end of a commit group, or of 512 records within one. */
export interface ChainRow {
  readonly position: number;
  readonly chain: ChainDigest;
}

/** A workspace's log. Records are added at the end and never changed, so an older length of it is a snapshot. */
export interface OpLog {
  readonly workspace: WorkspaceId;
  readonly incarnation: string;
  /** Newest first. */
  readonly lineage: readonly Fork[];
  /** The record at position p is at p − 1. */
  readonly records: LogRecord[];
  readonly trees: Map<TreeId, Map<PeerId, PeerIndex>>;
  readonly chain: ChainRow[];
  epoch: number;
  bytes: number;
  maxCounter: number;
}

export function createLog(workspace: WorkspaceId, incarnation: string, lineage: readonly Fork[], epoch: number): OpLog {
  return { workspace, incarnation, lineage, records: [], trees: new Map(), chain: [], epoch, bytes: 0, maxCounter: -1 };
}

/** The stored record of an id, if there is one. */
export function recordOf(log: OpLog, { tree, peer, counter }: Omit<OpRecord, 'body'>): LogRecord | undefined {
  const position = log.trees.get(tree)?.get(peer)?.positions.get(counter);
  return position === undefined ? undefined : log.records[position - 1];
}

/** Puts a record that is not there yet at the end. It belongs to no chain row before `sealGroup`. */
export function pushRecord(log: OpLog, record: OpRecord, receivedAt: number, via: UserId | undefined): void {
  const { tree, peer, counter, body } = record;
  const position = log.records.length + 1;
  const stored = { tree, peer, counter, body, position, receivedAt, ...(via === undefined ? {} : { via }) };
  log.records.push({ ...stored, digest: recordDigest(stored) });
  const peers = getOrInsert(log.trees, tree, () => new Map<PeerId, PeerIndex>());
  const index = getOrInsert(peers, peer, () => ({ positions: new Map<number, number>(), counters: [], sorted: true }));
  index.positions.set(counter, position);
  if (index.sorted && counter < (index.counters.at(-1) ?? -1)) index.sorted = false;
  index.counters.push(counter);
  log.bytes += body.length;
  log.maxCounter = Math.max(log.maxCounter, counter);
}

/** Ends a commit group: the records since the last one get their chain rows. */
export function sealGroup(log: OpLog): void {
  for (let from = log.chain.at(-1)?.position ?? 0; from < log.records.length; from = log.chain.at(-1)?.position ?? 0) {
    const position = Math.min(from + maxChainRow, log.records.length);
    log.chain.push({ position, chain: chainAt(log, position) });
  }
}

/** The chain's digest up to a position. Law: the same at any later time. */
function chainAt(log: OpLog, position: number): ChainDigest {
  let low = 0;
  let high = log.chain.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((log.chain[middle] as ChainRow).position <= position) low = middle + 1;
    else high = middle;
  }
  const row = log.chain[low - 1] ?? { position: 0, chain: emptyChain };
  const digests = log.records.slice(row.position, position).map((record) => record.digest);
  return extendChain(row.chain, digests);
}

export function cursorAt(log: OpLog, position: number): Cursor {
  return encodeCursor({ incarnation: log.incarnation, position, chain: chainTag(chainAt(log, position)) });
}

/** The position of a cursor in this log. Throws: stale_cursor, if it belongs to another history. */
export function positionOfCursor(log: OpLog, cursor: CursorParts): number {
  const { incarnation, lineage } = log;
  const position = log.records.length;
  const known = reachOfCursor({ incarnation, lineage, position }, cursor) !== undefined && cursor.position <= position;
  if (known && chainTag(chainAt(log, cursor.position)) === cursor.chain) return cursor.position;
  throw staleCursor({ incarnation, lineage: copyLineage(lineage), position, cursor: cursorAt(log, position) });
}

/** A fresh description of the log as it is now. */
export function headOf(log: OpLog): Head {
  const { incarnation, lineage, records, epoch, bytes, maxCounter } = log;
  const position = records.length;
  return {
    incarnation,
    lineage: copyLineage(lineage),
    position,
    cursor: cursorAt(log, position),
    epoch,
    records: position,
    bytes,
    maxCounter,
  };
}

function copyLineage(lineage: readonly Fork[]): readonly Fork[] {
  return lineage.map(({ incarnation, forkedAt }) => ({ incarnation, forkedAt }));
}
