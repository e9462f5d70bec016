import type { StoreError } from '../../errors.ts';
import type { SqlRow, SqlStep } from '../sql.ts';

export type Execute = (step: SqlStep) => Promise<readonly SqlRow[] | number>;

/** SQLite databases on a server, each under a name. */
export interface RemoteSqliteEngine {
  /** Runs the work in one transaction: a reading one sees one snapshot, a writing one is alone among writers. When this resolves, it is committed. When it
   *  rejects, nothing of it is left, unless the error is `unavailable`: then it is unknown whether the commit came through.
   *  Throws: not_found if there is no such database. */
  readonly transaction: <Result>(database: string, mode: 'read' | 'write', work: (execute: Execute) => Promise<Result>) => Promise<Result>;
  /** Several statements without parameters, which begin and commit by themselves. */
  readonly script: (database: string, sql: string) => Promise<void>;
  /** There is an empty database, or the one that was there. */
  readonly create: (database: string) => Promise<void>;
  /** There is none. */
  readonly remove: (database: string) => Promise<void>;
  /** The server's error as one of ours. A `StoreError` stays as it is. */
  readonly storeError: (error: unknown) => StoreError;
  readonly close: () => void;
}
