import type { checkReadQuery } from '../../check-queries.ts';
import type { ReadPage, ReadQuery, StoredRecord } from '../../contracts/op-store.ts';
import { StoreError } from '../../errors.ts';
import { rows, type Sql, type SqlRow } from '../sql.ts';
import { decodeRows, recordColumns } from './decode-rows.ts';
import { type Filter, filterOf } from './filter.ts';
import { cursorAt, type HeadRow, headCursor, placeOfCursor, refuseCursor } from './log-head.ts';
import { checkIndex, type LogNames, readNames } from './log-names.ts';
import { positionOfTime } from './position-of-time.ts';

/** Records fetched at once where a page is bounded by bytes: no more than these are in memory beyond the page. */
const byteBoundBatch = 128;

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
  const { records, last } = yield* collect(names, filter, from, to, query);
  if (last === undefined) return { records, through };
  return { records, through, next: { ...query, after: yield* cursorAt(head, last), through } };
}

/** Up to a page of records that pass; `last` is the position to go on after, undefined where nothing is left. */
function* collect(
  names: LogNames,
  filter: Filter,
  from: number,
  to: number,
  { limit, limitBytes }: ReadQuery,
): Sql<{ readonly records: StoredRecord[]; readonly last: number | undefined }> {
  const records: StoredRecord[] = [];
  let sizeBytes = 0;
  let place = from;
  for (;;) {
    const wanted = limit + 1 - records.length;
    const batch = limitBytes === undefined ? wanted : Math.min(wanted, byteBoundBatch);
    const step = yield* nextRows(filter, place, to, batch);
    place = step.place;
    for (const record of decodeRows(names, step.found)) {
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
function* nextRows(
  filter: Filter,
  place: number,
  to: number,
  count: number,
): Sql<{ readonly found: readonly SqlRow[]; readonly place: number }> {
  if (filter.kind === 'rows') {
    const found = filter.rows.slice(filter.next, filter.next + count);
    filter.next += found.length;
    return { found, place: filter.next >= filter.rows.length ? to : (found.at(-1)?.[0] as number) };
  }
  if (filter.kind === 'positions') {
    const positions = filter.positions.slice(filter.next, filter.next + count);
    filter.next += positions.length;
    const isLast = filter.next >= filter.positions.length;
    return { found: yield* rowsAt(positions), place: isLast ? to : (positions.at(-1) as number) };
  }
  const found = yield* rows(
    `SELECT ${recordColumns} FROM record WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`,
    place,
    to,
    count,
  );
  const reached = Math.min(to, place + count);
  if (found.length !== reached - place)
    throw new StoreError('corrupt', 'records are missing from the log', {
      context: { after: place, through: reached, found: found.length },
    });
  return { found: filter.kind === 'all' ? found : found.filter(filter.passes), place: reached };
}

const positionsPerSelect = 64;
const selectPositions = `SELECT ${recordColumns} FROM record WHERE position IN (${Array(positionsPerSelect).fill('?').join(', ')}) ORDER BY position`;

/** Rows by sorted positions. Throws: corrupt if one is not there. */
function* rowsAt(positions: readonly number[]): Sql<readonly SqlRow[]> {
  const found: SqlRow[] = [];
  for (let i = 0; i < positions.length; ) {
    const start = positions[i] as number;
    let run = 1;
    while (i + run < positions.length && positions[i + run] === start + run) run++;
    if (run >= 8) {
      found.push(
        ...(yield* rows(`SELECT ${recordColumns} FROM record WHERE position >= ? AND position < ? ORDER BY position`, start, start + run)),
      );
      i += run;
      continue;
    }
    const some = positions.slice(i, i + positionsPerSelect);
    i += some.length;
    while (some.length < positionsPerSelect) some.push(-1);
    found.push(...(yield* rows(selectPositions, ...some)));
  }
  if (found.length !== positions.length)
    throw new StoreError('corrupt', 'the index names records that are not there', {
      context: { expected: positions.length, found: found.length },
    });
  return found;
}
