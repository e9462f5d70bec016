import type { Sql, SqlStep, SqlValue } from '../sql.ts';
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
const records = inserts('record', ['position', 'data']);
const ids = inserts('record_id', ['tree', 'peer', 'counter', 'position']);

export function pendingRows(): PendingRows {
  const write = rowWriter();
  const pendingRecords = insertSteps(records, 2);
  const pendingIds = insertSteps(ids, 4);
  return {
    add: ({ treeId: tree, peerId: peer }, { position, counter, author, receivedAt }, body) => {
      const data = write({ bodyBytes: body.length, position, tree, peer, author, counter, receivedAt }, body);
      pendingRecords.values().push(position, data);
      pendingIds.values().push(tree, peer, counter, position);
      return digestOfRow(data);
    },
    settle: function* () {
      for (const step of pendingRecords.take()) yield step;
      for (const step of pendingIds.take()) yield step;
    },
  };
}

/** Texts by the number of rows. */
function inserts(table: string, columns: readonly string[]): readonly string[] {
  const row = `(${columns.map(() => '?').join(', ')})`;
  return Array.from(
    { length: rowsPerInsert + 1 },
    (_, count) => `INSERT OR FAIL INTO ${table} (${columns.join(', ')}) VALUES ${Array(count).fill(row).join(', ')}`,
  );
}

/** Values gathered in the arrays that are handed to the database. */
function insertSteps(texts: readonly string[], columns: number): { readonly values: () => SqlValue[]; readonly take: () => SqlStep[] } {
  let steps: SqlStep[] = [];
  let values: SqlValue[] = [];
  const end = (): void => {
    if (values.length > 0) steps.push({ kind: 'post', sql: texts[values.length / columns] as string, values });
    values = [];
  };
  return {
    /** The array for one more row. */
    values: () => {
      if (values.length === rowsPerInsert * columns) end();
      return values;
    },
    take: () => {
      end();
      const taken = steps;
      steps = [];
      return taken;
    },
  };
}
