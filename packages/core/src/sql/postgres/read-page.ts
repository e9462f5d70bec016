import type { checkReadQuery } from '../../check-queries.ts';
import type { ReadPage, ReadQuery, StoredRecord } from '../../contracts/op-store.ts';
import { StoreError } from '../../errors.ts';
import { refuseCursor } from '../log/log-head.ts';
import type { SqlRow } from '../sql.ts';
import { cursorAt, placeOfCursor } from './cursors.ts';
import { type Filter, filterOf } from './filter.ts';
import { headCursor, type SharedHead } from './log-head.ts';
import { decodeRecord, recordsAt, recordsBetween } from './read-records.ts';
import type { PostgresTransaction } from './transaction.ts';

/** Records fetched at once where a page is bounded by bytes: no more than these are in memory beyond the page. */
const byteBoundBatch = 128;

/** One page, from the snapshot this runs in. Throws: stale_cursor, corrupt. */
export async function readPage(
  transaction: PostgresTransaction,
  head: SharedHead | undefined,
  { query }: ReturnType<typeof checkReadQuery>,
): Promise<ReadPage> {
  if (!head) {
    refuseCursor(query.after);
    refuseCursor(query.through);
    return { records: [], through: undefined };
  }
  const after = query.after === undefined ? 0 : await placeOfCursor(transaction, head, query.after);
  const end = query.through === undefined ? head.position : await placeOfCursor(transaction, head, query.through);
  const through = end === head.position ? headCursor(head) : await cursorAt(transaction, head, end);
  const from = query.receivedFrom === undefined ? after : Math.max(after, await positionOfTime(transaction, head, query.receivedFrom));
  const to = query.receivedBefore === undefined ? end : Math.min(end, await positionOfTime(transaction, head, query.receivedBefore));
  if (from >= to) return { records: [], through };
  const filter = await filterOf(transaction, head, query, from, to);
  const { records, last } = await collect(transaction, head, filter, from, to, query);
  if (last === undefined) return { records, through };
  return { records, through, next: { ...query, after: await cursorAt(transaction, head, last), through } };
}

/** Up to a page of records that pass; `last` is the position to go on after, undefined where nothing is left. */
async function collect(
  transaction: PostgresTransaction,
  head: SharedHead,
  filter: Filter,
  from: number,
  to: number,
  { limit, limitBytes }: ReadQuery,
): Promise<{ readonly records: StoredRecord[]; readonly last: number | undefined }> {
  const records: StoredRecord[] = [];
  const seeds = new Map<number, number>();
  let sizeBytes = 0;
  let place = from;
  for (;;) {
    const wanted = limit + 1 - records.length;
    const batch = limitBytes === undefined ? wanted : Math.min(wanted, byteBoundBatch);
    const step = await nextRows(transaction, head, filter, place, to, batch);
    place = step.place;
    for (const row of step.found) {
      const record = decodeRecord(row, seeds);
      const isOver =
        records.length === limit || (limitBytes !== undefined && records.length > 0 && sizeBytes + record.body.length > limitBytes);
      if (isOver) return { records, last: records.at(-1)?.position };
      sizeBytes += record.body.length;
      records.push(record);
    }
    if (place >= to) return { records, last: undefined };
  }
}

/** Some rows that pass, at most `count`, and the place up to which nothing else does. */
async function nextRows(
  transaction: PostgresTransaction,
  { workspace }: SharedHead,
  filter: Filter,
  place: number,
  to: number,
  count: number,
): Promise<{ readonly found: readonly SqlRow[]; readonly place: number }> {
  if (filter.kind === 'positions') {
    const positions = filter.positions.slice(filter.next, filter.next + count);
    filter.next += positions.length;
    const isLast = filter.next >= filter.positions.length;
    const found = positions.length === 0 ? [] : ((await transaction.send([recordsAt(workspace, positions)]))[0]?.rows ?? []);
    if (found.length !== positions.length) throw missingRecords({ expected: positions.length, found: found.length });
    return { found, place: isLast ? to : (positions.at(-1) as number) };
  }
  const reached = Math.min(to, place + count);
  const [answer] = await transaction.send([recordsBetween(workspace, place, reached, count)]);
  const found = answer?.rows ?? [];
  if (found.length !== reached - place) throw missingRecords({ after: place, through: reached, found: found.length });
  return { found: filter.kind === 'all' ? found : found.filter(filter.passes), place: reached };
}

function missingRecords(context: Readonly<Record<string, number>>): StoreError {
  return new StoreError('corrupt', 'records are missing from the log', { context });
}

/** The position of the last record received before a time, 0 if there is none: times never decrease along the log. */
async function positionOfTime(transaction: PostgresTransaction, head: SharedHead, time: number): Promise<number> {
  if (time > head.receivedAt) return head.position;
  let before = 0;
  let notBefore = head.position + 1;
  while (notBefore - before > 1) {
    const middle = Math.floor((before + notBefore) / 2);
    const [answer] = await transaction.send([
      { sql: 'SELECT received_at FROM record WHERE workspace = $1 AND position = $2', values: [head.workspace, middle] },
    ]);
    const receivedAt = answer?.rows[0]?.[0];
    if (receivedAt === undefined) throw missingRecords({ position: middle });
    if ((receivedAt as number) < time) before = middle;
    else notBefore = middle;
  }
  return before;
}
