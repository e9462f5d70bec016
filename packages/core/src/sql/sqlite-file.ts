import { isStoreError, StoreError } from '../errors.ts';
import type { Session, SqlWork } from './database.ts';
import { initialise, migrate, type Schema } from './migrate.ts';
import { runNow, type SqlRow, type SqlStep } from './sql.ts';
import type { SqliteEngine, SqliteHandle } from './sqlite-engine.ts';

export interface SqliteFileOptions {
  /** Milliseconds to wait for another process's writer, in this thread. */
  readonly busyTimeoutMs: number;
}

/** An open, verified database file. */
export interface SqliteFile {
  readonly path: string;
  readonly handle: SqliteHandle;
  readonly session: SqliteSession;
}

interface SqliteSession extends Session {
  version: number;
  /** What SQLite said last of commits of other connections. Source: https://sqlite.org/pragma.html#pragma_data_version */
  dataVersion: number;
}

/** Opens an existing file of this kind and lifts it to the newest version. Throws: corrupt, unsupported, busy, unavailable. */
export function openSqliteFile(engine: SqliteEngine, path: string, schema: Schema, options: SqliteFileOptions): SqliteFile {
  return opened(engine, path, 'existing', (handle) => {
    configure(handle, options);
    migrate(handle, schema);
  });
}

/** Makes a new file of this kind and closes it; what is there after a crash in between is not one yet. Nothing is asked and no parameter is bound, because
 *  a library that frees its statements late (libsql) would keep the file open under a name that it loses: whoever opens it by its new name then shares
 *  no locks with others that do. */
export function createSqliteFile(engine: SqliteEngine, path: string, schema: Schema, fill?: string): void {
  opened(engine, path, 'create', (handle) => {
    // Written in place, with one fsync at its end; write-ahead logging is for what comes after.
    handle.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL');
    initialise(handle, schema, fill);
    handle.exec('PRAGMA journal_mode = WAL');
  }).handle.close();
}

function opened(engine: SqliteEngine, path: string, mode: 'create' | 'existing', prepare: (handle: SqliteHandle) => void): SqliteFile {
  let handle: SqliteHandle | undefined;
  try {
    handle = engine.open(path, mode);
    prepare(handle);
    return { path, handle, session: { version: 0, dataVersion: -1 } };
  } catch (error) {
    if (handle) closeQuietly(handle);
    throw engine.storeError(error);
  }
}

/** FULL: an acknowledged commit survives a power cut, which NORMAL does not promise in write-ahead mode. */
function configure(handle: SqliteHandle, options: SqliteFileOptions): void {
  handle.exec(
    `PRAGMA busy_timeout = ${Math.trunc(options.busyTimeoutMs)}; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON`,
  );
  const mode = handle.rows('PRAGMA journal_mode', [])[0]?.[0];
  if (mode !== 'wal' && mode !== 'memory')
    throw new StoreError('corrupt', 'the database file is not in write-ahead mode', { context: { mode: String(mode) } });
}

/** A handle that failed is given up: what its close has to say adds nothing to the error that is already told. */
export function closeQuietly(handle: SqliteHandle): void {
  try {
    handle.close();
  } catch (error) {
    void error;
  }
}

/** What became of a transaction. `usable` is false where the handle must be closed and the file opened again before the next verdict:
 *  after a failed write or fsync its memory may hold what the disk does not. */
export class TransactionFailed extends Error {
  override readonly name = 'TransactionFailed';
  readonly error: StoreError;
  readonly usable: boolean;
  constructor(error: StoreError, usable: boolean) {
    super(error.message, { cause: error });
    this.error = error;
    this.usable = usable;
  }
}

/** Runs the work in one transaction, within this turn. Throws: TransactionFailed. */
export function transact<Result>(
  engine: SqliteEngine,
  file: SqliteFile,
  begin: 'BEGIN' | 'BEGIN IMMEDIATE',
  work: SqlWork<Result>,
): Result {
  const { handle, session } = file;
  const execute = (step: SqlStep): readonly SqlRow[] | number =>
    step.kind === 'rows' ? handle.rows(step.sql, step.values) : handle.run(step.sql, step.values);
  let begun = false;
  try {
    handle.run(begin, []);
    begun = true;
    noticeOthers(handle, session);
    const result = runNow(work(session), execute);
    handle.run('COMMIT', []);
    if (begin === 'BEGIN IMMEDIATE') session.version++;
    return result;
  } catch (cause) {
    session.version += 2;
    const error = engine.storeError(cause);
    const refusedByLogic = isStoreError(cause);
    const usable = (refusedByLogic || error.code === 'busy') && (!begun || rolledBack(handle));
    throw new TransactionFailed(error, usable);
  }
}

/** The pragma begins the snapshot too, so that nobody commits between this look and the first read. */
function noticeOthers(handle: SqliteHandle, session: SqliteSession): void {
  const dataVersion = handle.rows('PRAGMA data_version', [])[0]?.[0] as number;
  if (dataVersion === session.dataVersion) return;
  session.dataVersion = dataVersion;
  session.version++;
}

function rolledBack(handle: SqliteHandle): boolean {
  try {
    handle.run('ROLLBACK', []);
    return true;
  } catch (error) {
    void error; // the handle is closed then, which rolls back as well
    return false;
  }
}
