import { run, type Sql, type SqlValue } from '../sql.ts';
import type { Pair } from './log-state.ts';
import { digestOfRow, rowWriter } from './row-data.ts';

/** Rows that are decided and not yet written. The calls of a group share INSERTs; whoever reads records settles first. */
export interface PendingRows {
  /** The digest of the row. */
  readonly add: (
    pair: Pair,
    row: { readonly position: number; readonly counter: number; readonly author: number; readonly receivedAt: number },
    body: Uint8Array,
  ) => number;
  readonly settle: () => Sql<void>;
}

/** Rows of one INSERT: beyond 16 nothing is gained. OR FAIL, because a failed group is rolled back as a whole anyway: without it SQLite keeps a copy
 *  of every page that a statement of several rows touches, a fifth of the time. Measured. */
const rowsPerInsert = 16;
const inserts = (table: string, columns: string, row: string): readonly string[] =>
  Array.from(
    { length: rowsPerInsert + 1 },
    (_, count) => `INSERT OR FAIL INTO ${table} (${columns}) VALUES ${Array(count).fill(row).join(', ')}`,
  );
const insertRecords = inserts('record', 'position, data', '(?, ?)');
const insertIds = inserts('record_id', 'tree, peer, counter, position', '(?, ?, ?, ?)');

export function pendingRows(): PendingRows {
  const write = rowWriter();
  let records: SqlValue[] = [];
  let ids: SqlValue[] = [];
  return {
    add: ({ treeId: tree, peerId: peer }, { position, counter, author, receivedAt }, body) => {
      const data = write({ bodyBytes: body.length, position, tree, peer, author, counter, receivedAt }, body);
      records.push(position, data);
      ids.push(tree, peer, counter, position);
      return digestOfRow(data);
    },
    settle: function* () {
      if (records.length === 0) return;
      const [someRecords, someIds] = [records, ids];
      records = [];
      ids = [];
      yield* insertAll(insertRecords, someRecords, 2);
      yield* insertAll(insertIds, someIds, 4);
    },
  };
}

function* insertAll(statements: readonly string[], values: readonly SqlValue[], columns: number): Sql<void> {
  const step = rowsPerInsert * columns;
  for (let at = 0; at < values.length; at += step) {
    const some = values.slice(at, at + step);
    yield* run(statements[some.length / columns] as string, ...some);
  }
}
