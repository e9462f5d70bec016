import type { checkReadQuery } from '../../check-queries.ts';
import type { ReadPage, ReadQuery, StoredRecord } from '../../contracts/op-store.ts';
import type { Sql } from '../sql.ts';
import { decodeRows } from './decode-rows.ts';
import { type Filter, filterOf } from './filter.ts';
import { rowsAt, rowsBetween } from './joined-rows.ts';
import { cursorAt, type HeadRow, headCursor, type KnownDigests, placeOfCursor, refuseCursor } from './log-head.ts';
import { checkIndex, type LogNames, readNames } from './log-names.ts';
import { positionOfTime } from './position-of-time.ts';
import { maxRowBytes } from './row-data.ts';

/** Records fetched at once, beyond which nothing is gained. */
const batch = 512;
/** Bytes fetched at once: within what SQLite hands over as one value (10^9), and little beside a page that is bounded by bytes. */
const batchBytes = 512 * 1024 ** 2;
const byteBoundBatchBytes = 64 * 1024 ** 2;

type Checked = ReturnType<typeof checkReadQuery>;

/** One page, from the snapshot this runs in. Throws: stale_cursor, corrupt. */
export function* readPage(head: HeadRow | undefined, names: LogNames, { query }: Checked): Sql<ReadPage> {
  if (!head) {
    refuseCursor(query.after);
    refuseCursor(query.through);
    return { records: [], through: undefined };
  }
  yield* readNames(names, head);
  const after = query.after === undefined ? 0 : yield* placeOfCursor(head, query.after);
  const end = query.through === undefined ? head.position : yield* placeOfCursor(head, query.through);
  const through = end === head.position ? headCursor(head) : yield* cursorAt(head, end);
  const from = query.receivedFrom === undefined ? after : Math.max(after, yield* positionOfTime(query.receivedFrom, head));
  const to = query.receivedBefore === undefined ? end : Math.min(end, yield* positionOfTime(query.receivedBefore, head));
  if (from >= to) return { records: [], through };

  if (query.trees !== undefined || query.missing !== undefined) yield* checkIndex(names, head);
  const filter = yield* filterOf(names, query, from, to, head);
  const { records, last, known } = yield* collect(names, filter, from, to, query, head.maxBody);
  if (last === undefined) return { records, through };
  return { records, through, next: { ...query, after: yield* cursorAt(head, last, known), through } };
}

/** Up to a page of records that pass; `last` is the position to go on after, undefined where nothing is left. */
function* collect(
  names: LogNames,
  filter: Filter,
  from: number,
  to: number,
  { limit, limitBytes }: ReadQuery,
  maxBody: number,
): Sql<{ readonly records: StoredRecord[]; readonly last: number | undefined; readonly known?: KnownDigests }> {
  const records: StoredRecord[] = [];
  const digests: number[] = [];
  const known = filter.kind === 'positions' ? {} : { known: { after: from, digests } };
  const fetchBytes = limitBytes === undefined ? batchBytes : byteBoundBatchBytes;
  const most = Math.max(1, Math.min(batch, Math.floor(fetchBytes / (maxBody + maxRowBytes))));
  let sizeBytes = 0;
  let place = from;
  for (;;) {
    const wanted = limit + 1 - records.length;
    const step = yield* nextRecords(names, filter, place, to, Math.min(wanted, most), digests);
    place = step.place;
    for (const record of step.records) {
      const isOver =
        records.length === limit || (limitBytes !== undefined && records.length > 0 && sizeBytes + record.body.length > limitBytes);
      if (isOver) return { records, last: records.at(-1)?.position, ...known };
      sizeBytes += record.body.length;
      records.push(record);
    }
    if (place >= to) return { records, last: undefined };
  }
}

/** Some records that pass, at most `count`, and the place up to which nothing else does. */
function* nextRecords(
  names: LogNames,
  filter: Filter,
  place: number,
  to: number,
  count: number,
  digests: number[],
): Sql<{ readonly records: readonly StoredRecord[]; readonly place: number }> {
  if (filter.kind === 'positions') {
    const positions = filter.positions.slice(filter.next, filter.next + count);
    filter.next += positions.length;
    const isLast = filter.next >= filter.positions.length;
    const records = decodeRows(names, yield* rowsAt(positions), (i) => positions[i] as number, digests);
    return { records, place: isLast ? to : (positions.at(-1) as number) };
  }
  const reached = Math.min(to, place + count);
  const found = yield* rowsBetween(place, reached);
  const passes = filter.kind === 'test' ? filter.passes : undefined;
  return { records: decodeRows(names, found, (i) => place + 1 + i, digests, passes), place: reached };
}
