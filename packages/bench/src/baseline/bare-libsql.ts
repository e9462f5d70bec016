import Database from 'libsql';

/** What the store keeps of a record: its row and its entry in the index of ids. */
export type BareRecord = readonly [position: number, counter: number, data: Uint8Array];

export interface BareLibsql {
  /** One transaction for all of them. */
  readonly append: (records: readonly BareRecord[]) => void;
  readonly close: () => void;
}

const rowsPerInsert = 16;
const insert = (table: string, row: string): string => `INSERT INTO ${table} VALUES ${Array(rowsPerInsert).fill(row).join(', ')}`;

/** Bare libsql with tables like those of the log and nothing around them: no head, no digests, no check for duplicates. Takes whole sixteens. */
export function openBareLibsql(path: string): BareLibsql {
  const db = new Database(path);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE record (position INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE record_id (tree INTEGER NOT NULL, peer INTEGER NOT NULL, counter INTEGER NOT NULL, position INTEGER NOT NULL,
      PRIMARY KEY (tree, peer, counter)) WITHOUT ROWID`);
  const insertRecords = db.prepare(insert('record', '(?, ?)'));
  const insertIds = db.prepare(insert('record_id', '(?, ?, ?, ?)'));
  return {
    append: (records) => {
      db.exec('BEGIN IMMEDIATE');
      for (let at = 0; at < records.length; at += rowsPerInsert) {
        const some = records.slice(at, at + rowsPerInsert);
        insertRecords.run(some.flatMap(([position, , data]) => [position, data]));
        insertIds.run(some.flatMap(([position, counter]) => [1, 1, counter, position]));
      }
      db.exec('COMMIT');
    },
    close: () => void db.close(),
  };
}
