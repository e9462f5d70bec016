import type { Head } from '../../contracts/op-store.ts';
import { StoreError } from '../../errors.ts';
import { type ChainDigest, chainTag, emptyChain, extendChain } from '../../log/chain.ts';
import { type Cursor, decodeCursor, encodeCursor, type Fork, reachOfCursor, staleCursor } from '../../log/cursor.ts';
import { row, run, type Sql, value } from '../sql.ts';
import { digestSql } from './row-data.ts';
import { digestOfHead } from './row-digest.ts';

/** The head row. */
export interface HeadRow {
  readonly incarnation: string;
  readonly lineage: readonly Fork[];
  readonly position: number;
  /** `receivedAt` of the last record. */
  readonly receivedAt: number;
  readonly epoch: number;
  readonly records: number;
  readonly bytes: number;
  readonly maxCounter: number;
  /** Length of the longest body stored, so that nobody asks for more at once than fits. */
  readonly maxBody: number;
  /** Over all names (`nameDigest`) and over the entries of the id index (`idDigest`): what indexes answer is held against them. */
  readonly nameSum: number;
  readonly idSum: number;
  /** The chain at `position`. */
  readonly chain: ChainDigest;
}

/** Records between two stored links of the chain. Links lie at its multiples, whatever the commits were: the chain at a place depends on the
 *  records alone, costs a seventh of a byte a record, and is recomputed from fewer digests than this. */
export const chainStride = 256;

const columns =
  'incarnation, lineage, position, received_at, epoch, records, bytes, max_counter, max_body, name_sum, id_sum, chain, digest';

/** Undefined where there is no log. */
export function* readHead(): Sql<HeadRow | undefined> {
  const found = yield* row(`SELECT ${columns} FROM head`);
  if (!found) {
    // A damaged page can lose the row: then something still says that there was one.
    if ((yield* value('SELECT has_log FROM meta')) === 0) return undefined;
    throw new StoreError('corrupt', 'the head of the log is lost');
  }
  const [incarnation, lineage, position, receivedAt, epoch, records, bytes, maxCounter, maxBody, nameSum, idSum, chain, digest] = found;
  const head = {
    incarnation: incarnation as string,
    lineage: parseLineage(lineage as string),
    position: position as number,
    receivedAt: receivedAt as number,
    epoch: epoch as number,
    records: records as number,
    bytes: bytes as number,
    maxCounter: maxCounter as number,
    maxBody: maxBody as number,
    nameSum: nameSum as number,
    idSum: idSum as number,
    chain: chain as Uint8Array,
  };
  if (columnsOf(head).at(-1) !== digest) throw new StoreError('corrupt', 'the head of the log is not what was stored');
  return head;
}

/** The head row is this one; it is made if there was none. */
export function* writeHead(head: HeadRow): Sql<void> {
  const changed = yield* run(
    'UPDATE head SET incarnation = ?, lineage = ?, position = ?, received_at = ?, epoch = ?, records = ?, bytes = ?, max_counter = ?, max_body = ?, name_sum = ?, id_sum = ?, chain = ?, digest = ?',
    ...columnsOf(head),
  );
  if (changed > 0) return;
  yield* run('UPDATE meta SET has_log = 1');
  yield* run(`INSERT INTO head (only, ${columns}) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, ...columnsOf(head));
}

function parseLineage(text: string): readonly Fork[] {
  if (text === '[]') return [];
  try {
    return JSON.parse(text) as readonly Fork[];
  } catch (cause) {
    throw new StoreError('corrupt', 'the head of the log is not what was stored', { cause });
  }
}

function columnsOf({ lineage, chain, ...head }: HeadRow): readonly (string | number | Uint8Array)[] {
  const past = lineage.length === 0 ? '[]' : JSON.stringify(lineage);
  const texts = [
    head.incarnation,
    past,
    head.position,
    head.receivedAt,
    head.epoch,
    head.records,
    head.bytes,
    head.maxCounter,
    head.maxBody,
    head.nameSum,
    head.idSum,
  ];
  return [...texts, chain, digestOfHead(texts, chain)];
}

/** The head of a log that begins now. */
export function newHead(): HeadRow {
  return {
    incarnation: newIncarnation(),
    lineage: [],
    position: 0,
    receivedAt: 0,
    epoch: 0,
    records: 0,
    bytes: 0,
    maxCounter: -1,
    maxBody: 0,
    nameSum: 0,
    idSum: 0,
    chain: emptyChain,
  };
}

/** 64 random bits in hex. */
export function newIncarnation(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function headCursor(head: HeadRow): Cursor {
  return encodeCursor({ incarnation: head.incarnation, position: head.position, chain: chainTag(head.chain) });
}

/** The head as callers see it. */
export function publicHead(head: HeadRow): Head {
  const { incarnation, lineage, position, epoch, records, bytes, maxCounter } = head;
  return { incarnation, lineage, position, cursor: headCursor(head), epoch, records, bytes, maxCounter };
}

/** The last stored link at or before a place. */
export function* lastLink(position: number): Sql<{ readonly position: number; readonly chain: ChainDigest }> {
  const link = yield* row('SELECT position, chain FROM chain WHERE position <= ? ORDER BY position DESC LIMIT 1', position);
  return link ? { position: link[0] as number, chain: link[1] as Uint8Array } : { position: 0, chain: emptyChain };
}

/** Digests of the records after `from` up to `to`. Throws: corrupt if one is not there. */
export function* digestsBetween(from: number, to: number): Sql<number[]> {
  if (from === to) return [];
  const [count, joined] = (yield* row(
    `SELECT count(*), CAST(group_concat(${digestSql}, '') AS BLOB) FROM (SELECT data FROM record WHERE position > ? AND position <= ? ORDER BY position)`,
    from,
    to,
  )) as readonly [number, Uint8Array];
  if (count !== to - from || joined.length !== count * 4)
    throw new StoreError('corrupt', 'records are missing from the log', { context: { after: from, through: to, found: count } });
  const view = new DataView(joined.buffer, joined.byteOffset);
  return Array.from({ length: count }, (_, i) => view.getUint32(i * 4, true));
}

/** Digests that were just read: of the records after a place, without a gap. */
export interface KnownDigests {
  readonly after: number;
  readonly digests: readonly number[];
}

/** The cursor at a place of the log, not beyond what is known. */
export function* cursorAt(head: HeadRow, position: number, known?: KnownDigests): Sql<Cursor> {
  const chain = yield* chainAt(head, position, known);
  return encodeCursor({ incarnation: head.incarnation, position, chain: chainTag(chain) });
}

function* chainAt(head: HeadRow, position: number, { after, digests }: KnownDigests = { after: position, digests: [] }): Sql<ChainDigest> {
  if (position === head.position) return head.chain;
  const link = yield* lastLink(position);
  const from = Math.max(link.position, after);
  const others = yield* digestsBetween(link.position, from);
  return extendChain(link.chain, [...others, ...digests.slice(from - after, position - after)]);
}

/** The place a cursor names, in this log. Throws: invalid, stale_cursor. */
export function* placeOfCursor(head: HeadRow, cursor: Cursor): Sql<number> {
  const parts = decodeCursor(cursor);
  const log = { ...head, cursor: headCursor(head) };
  if (reachOfCursor(log, parts) === undefined) throw staleCursor(log);
  if (chainTag(yield* chainAt(head, parts.position)) !== parts.chain) throw staleCursor(log);
  return parts.position;
}

/** Judges a cursor where there is no log. Throws: invalid, stale_cursor. */
export function refuseCursor(cursor: Cursor | undefined): void {
  if (cursor === undefined) return;
  decodeCursor(cursor);
  throw staleCursor(undefined);
}
