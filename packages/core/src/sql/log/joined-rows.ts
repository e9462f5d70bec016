import { StoreError } from '../../errors.ts';
import { row, type Sql, type SqlRow } from '../sql.ts';

/** The column `data` of some rows, joined. */
export interface JoinedRows {
  readonly count: number;
  /** Row after row, as row-data.ts has it. */
  readonly data: Uint8Array;
}

const joined = "SELECT count(*), CAST(group_concat(data, '') AS BLOB)";

/** All rows after `from` up to `to`. Throws: corrupt if one is not there. */
export function* rowsBetween(from: number, to: number): Sql<JoinedRows> {
  const found = yield* row(`${joined} FROM (SELECT data FROM record WHERE position > ? AND position <= ? ORDER BY position)`, from, to);
  return checked(found, to - from, from, to);
}

/** The rows at some positions, in that order. Throws: corrupt if one is not there. */
export function* rowsAt(positions: readonly number[]): Sql<JoinedRows> {
  const found = yield* row(
    `${joined} FROM (SELECT r.data FROM json_each(?) AS wanted CROSS JOIN record AS r ON r.position = wanted.value)`,
    `[${positions.join()}]`,
  );
  return checked(found, positions.length, positions[0] ?? 0, positions.at(-1) ?? 0);
}

function checked(found: SqlRow | undefined, expected: number, from: number, to: number): JoinedRows {
  const [count, data] = found as readonly [number, Uint8Array | null];
  if (count !== expected)
    throw new StoreError('corrupt', 'records are missing from the log', { context: { from, to, expected, found: count } });
  return { count, data: data ?? new Uint8Array(0) };
}
