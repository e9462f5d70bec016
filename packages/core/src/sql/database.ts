import type { WorkspaceId } from '../ids.ts';
import type { Sql } from './sql.ts';

/** Stands for one open connection to one database, so that caches can hang on it and go with it. */
export interface Session {
  /** What was read of the database at a version holds as long as it is the same: it goes up by one with each write transaction that this session
   *  commits, by two with each that fails, and, before a transaction begins its work, by one if somebody else has committed since the one before. */
  readonly version: number;
}

/** Logic to run in one transaction. A session's caches may be used, but only as far as the transaction's own reads confirm them. */
export type SqlWork<Result> = (session: Session) => Sql<Result>;

/** One database. */
export interface SqlDatabase {
  /** Runs on one snapshot and changes nothing. */
  readonly read: <Result>(work: SqlWork<Result>) => Promise<Result>;
  /** Runs alone among writers; committed, and durable, when it resolves. Nothing of it is left when it rejects, unless the error is
   *  `unavailable`: then it is unknown whether the commit came through. */
  readonly write: <Result>(work: SqlWork<Result>) => Promise<Result>;
  readonly close: () => Promise<void>;
}

/** A database for each workspace. */
export interface SqlWorkspaces {
  /** Undefined if there is no database for this workspace. */
  readonly read: <Result>(workspace: WorkspaceId, work: SqlWork<Result>) => Promise<Result | undefined>;
  /** Undefined if there is none and `create` is false. */
  readonly write: <Result>(workspace: WorkspaceId, create: boolean, work: SqlWork<Result>) => Promise<Result | undefined>;
  /** Workspaces that have a database, in byte order. */
  readonly list: () => Promise<readonly WorkspaceId[]>;
  /** Removes the database if no store has rows in it any more, and wipes what was deleted from it otherwise. */
  readonly tidy: (workspace: WorkspaceId) => Promise<void>;
  /** Waits for what runs, and frees what can be opened again on demand. */
  readonly release: () => Promise<void>;
}
