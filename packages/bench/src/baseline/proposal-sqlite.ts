import Database from 'better-sqlite3';
import type { ProposalRow } from '../data/workload.ts';

/** Bare better-sqlite3 with the proposal's own schema, WAL and FULL sync: the same records, in the same kind of file, with nothing of ours. */
export interface ProposalStore {
  /** One transaction for all rows. */
  readonly append: (rows: readonly ProposalRow[]) => void;
  readonly readPage: (afterRowid: number, limit: number) => readonly ProposalPageRow[];
  readonly readRange: (tree: string, peer: string, first: number, last: number) => readonly ProposalPageRow[];
  readonly readTree: (tree: string) => readonly ProposalPageRow[];
  readonly count: () => number;
  readonly close: () => void;
}

export interface ProposalPageRow {
  readonly rowid: number;
  readonly clock: number;
  readonly peer_id: string;
  readonly tree_id: string;
  readonly target_id: string;
  readonly parent_id: string | null;
  readonly key: string | null;
  readonly value: string | null;
}

const schema = `
  CREATE TABLE IF NOT EXISTS tree_ops (clock INTEGER NOT NULL, peer_id TEXT NOT NULL, tree_id TEXT NOT NULL, target_id TEXT NOT NULL,
    parent_id TEXT, key TEXT, value TEXT, PRIMARY KEY (clock, peer_id, tree_id));
  CREATE INDEX IF NOT EXISTS idx_tree_ops_tree ON tree_ops(tree_id);
  CREATE INDEX IF NOT EXISTS idx_tree_ops_clock ON tree_ops(tree_id, clock);`;

const columns = 'rowid, clock, peer_id, tree_id, target_id, parent_id, key, value';

export function openProposalStore(path: string): ProposalStore {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec(schema);
  const insert = db.prepare('INSERT OR IGNORE INTO tree_ops VALUES (?, ?, ?, ?, ?, ?, ?)');
  const append = db.transaction((rows: readonly ProposalRow[]) => {
    for (const row of rows) insert.run(...row);
  });
  const page = db.prepare<[number, number], ProposalPageRow>(`SELECT ${columns} FROM tree_ops WHERE rowid > ? ORDER BY rowid LIMIT ?`);
  const range = db.prepare<[string, string, number, number], ProposalPageRow>(
    `SELECT ${columns} FROM tree_ops WHERE tree_id = ? AND peer_id = ? AND clock BETWEEN ? AND ?`,
  );
  const tree = db.prepare<[string], ProposalPageRow>(`SELECT ${columns} FROM tree_ops WHERE tree_id = ? ORDER BY clock, peer_id`);
  const count = db.prepare<[], { n: number }>('SELECT count(*) AS n FROM tree_ops');
  return {
    append: (rows) => append.immediate(rows),
    readPage: (after, limit) => page.all(after, limit),
    readRange: (t, p, first, last) => range.all(t, p, first, last),
    readTree: (t) => tree.all(t),
    count: () => count.get()?.n ?? 0,
    close: () => {
      db.close();
    },
  };
}
