import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { sha256 } from '#sha256';
import { joinBytes } from '../byte-source.ts';
import { parseEpoch } from '../check-append-options.ts';
import { checkRecords, type RecordLimits } from '../check-records.ts';
import { hasCode, StoreError } from '../errors.ts';
import { parseUserId, parseWorkspaceId, type WorkspaceId } from '../ids.ts';
import { type Cursor, type Fork, parseCursor } from '../log/cursor.ts';
import { createLog, cursorAt, type LogRecord, type OpLog, pushRecord, recordOf, sealGroup } from './op-log.ts';

interface Header {
  readonly format: 'spacestore-memory-log-1';
  readonly workspace: WorkspaceId;
  readonly incarnation: string;
  readonly lineage: readonly Fork[];
  readonly epoch: number;
  readonly cursor: Cursor;
  /** Where chain rows end: they are part of the cursors' meaning. */
  readonly groups: readonly number[];
}

/** The log as JSON lines (a header, then a record each) behind their sha256. */
export function encodeLog(log: OpLog, length: number, epoch: number): Uint8Array {
  const { workspace, incarnation, lineage } = log;
  const groups = log.chain.map((row) => row.position).filter((position) => position <= length);
  const header: Header = {
    format: 'spacestore-memory-log-1',
    workspace,
    incarnation,
    lineage,
    epoch,
    cursor: cursorAt(log, length),
    groups,
  };
  const rows = log.records.slice(0, length).map(encodeRecord);
  const content = new TextEncoder().encode([header, ...rows].map((row) => JSON.stringify(row)).join('\n'));
  return joinBytes([sha256(content), content], 32 + content.length);
}

/** The log a snapshot holds, its chain recomputed. Throws: corrupt, invalid if it is of another workspace, too_large. */
export function decodeLog(bytes: Uint8Array, workspace: WorkspaceId, limits: RecordLimits): OpLog {
  try {
    return decodeLines(bytes, workspace, limits);
  } catch (error) {
    if (hasCode(error, 'too_large', 'corrupt')) throw error;
    if (hasCode(error, 'invalid') && error.context.expected === workspace) throw error;
    throw new StoreError('corrupt', 'not a whole snapshot', { cause: error });
  }
}

function decodeLines(bytes: Uint8Array, workspace: WorkspaceId, limits: RecordLimits): OpLog {
  const content = bytes.subarray(32);
  if (bytesToHex(sha256(content)) !== bytesToHex(bytes.subarray(0, 32)))
    throw new StoreError('corrupt', 'the snapshot does not have its digest');
  const [first = '', ...lines] = new TextDecoder('utf-8', { fatal: true }).decode(content).split('\n');
  const header = JSON.parse(first) as Header;
  if (header.format !== 'spacestore-memory-log-1') throw new StoreError('corrupt', 'not a snapshot of a memory log');
  if (parseWorkspaceId(header.workspace) !== workspace)
    throw new StoreError('invalid', 'a snapshot of another workspace', { context: { expected: workspace, found: header.workspace } });
  for (const cursor of [header.cursor, ...header.lineage.map((fork) => fork.forkedAt)]) parseCursor(cursor);
  const log = createLog(workspace, header.incarnation, header.lineage, parseEpoch(header.epoch));
  const ends = new Set(header.groups);
  for (const line of lines) {
    decodeRecord(log, JSON.parse(line) as RecordRow, limits);
    if (ends.has(log.records.length)) sealGroup(log);
  }
  if (cursorAt(log, log.records.length) !== header.cursor) throw new StoreError('corrupt', 'the snapshot does not have its chain');
  return log;
}

type RecordRow = readonly [tree: string, peer: string, counter: number, receivedAt: number, bodyHex: string, via: string | null];

function encodeRecord({ tree, peer, counter, receivedAt, body, via }: LogRecord): RecordRow {
  return [tree, peer, counter, receivedAt, bytesToHex(body), via ?? null];
}

function decodeRecord(log: OpLog, row: RecordRow, limits: RecordLimits): void {
  const [tree, peer, counter, receivedAt, bodyHex, via] = row;
  const { records } = checkRecords([{ tree, peer, counter, body: hexToBytes(bodyHex) } as never], limits);
  for (const record of records) {
    if (recordOf(log, record)) throw new StoreError('corrupt', 'the snapshot has a record twice');
    if (!Number.isSafeInteger(receivedAt) || receivedAt < (log.records.at(-1)?.receivedAt ?? 0))
      throw new StoreError('corrupt', 'the times of the snapshot decrease');
    pushRecord(log, record, receivedAt, via === null ? undefined : parseUserId(via));
  }
}
