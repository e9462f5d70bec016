import type { CheckedReadQuery } from '../check-queries.ts';
import type { ReadPage, ReadQuery, StoredRecord } from '../contracts/op-store.ts';
import { containsCounter } from '../state-vector.ts';
import { cursorAt, type LogRecord, type OpLog, positionOfCursor } from './op-log.ts';

/** One page of a query. Throws: stale_cursor. */
export function readLog(log: OpLog, { query, after, through }: CheckedReadQuery): ReadPage {
  const bound = through ? positionOfCursor(log, through) : log.records.length;
  const start = after ? positionOfCursor(log, after) : 0;
  const throughCursor = cursorAt(log, bound);
  const from = Math.max(start, query.receivedFrom === undefined ? 0 : countBefore(log.records, query.receivedFrom));
  const to = Math.min(bound, query.receivedBefore === undefined ? bound : countBefore(log.records, query.receivedBefore));
  const wanted = filterOf(query);
  const records: StoredRecord[] = [];
  let bytes = 0;
  for (let index = from; index < to; index++) {
    const record = log.records[index] as LogRecord;
    if (!wanted(record)) continue;
    bytes += record.body.length;
    const full = records.length === query.limit || (records.length > 0 && bytes > (query.limitBytes ?? Number.POSITIVE_INFINITY));
    if (full) return { records, next: { ...query, after: cursorAt(log, index), through: throughCursor }, through: throughCursor };
    records.push(freshRecord(record));
  }
  return { records, through: throughCursor };
}

function filterOf({ trees, missing }: ReadQuery): (record: LogRecord) => boolean {
  const named = trees && new Set(trees);
  return ({ tree, peer, counter }) =>
    (named === undefined || named.has(tree)) && (missing === undefined || !containsCounter(missing, tree, peer, counter));
}

/** How many records were received before a time: they come first, since `receivedAt` never decreases. */
function countBefore(records: readonly LogRecord[], time: number): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((records[middle] as LogRecord).receivedAt < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function freshRecord({ tree, peer, counter, body, position, receivedAt, via }: LogRecord): StoredRecord {
  return { tree, peer, counter, body: body.slice(), position, receivedAt, ...(via === undefined ? {} : { via }) };
}
