import type { StoreError } from '../errors.ts';
import type { SqlRow, SqlValue } from './sql.ts';

/** An open SQLite database that answers within the turn. Statements are prepared once and kept. */
export interface SqliteHandle {
  /** Rows as arrays of columns: TEXT as string, BLOB as fresh bytes, integers as numbers. */
  readonly rows: (sql: string, values: readonly SqlValue[]) => readonly SqlRow[];
  /** Rows changed. */
  readonly run: (sql: string, values: readonly SqlValue[]) => number;
  /** Several statements without parameters. */
  readonly exec: (sql: string) => void;
  /** Copies the database, as it is at one moment, into a new file; others may write meanwhile. */
  readonly backup: (path: string) => Promise<void>;
  readonly close: () => void;
}

/** What an SQLite library brings. */
export interface SqliteEngine {
  /** Throws the library's own errors. */
  readonly open: (path: string, mode: 'create' | 'existing') => SqliteHandle;
  /** The library's error as one of ours. A `StoreError` stays as it is. */
  readonly storeError: (error: unknown) => StoreError;
}
