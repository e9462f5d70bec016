import { isStoreError, StoreError, type StoreErrorCode } from '../errors.ts';

/** SQLite's result codes that callers can act on; whatever is not here is a fault of ours. Source: sqlite.org/rescode.html */
const codes: readonly (readonly [prefix: string, code: StoreErrorCode, message: string])[] = [
  ['SQLITE_BUSY', 'busy', 'another writer holds the database'],
  ['SQLITE_LOCKED', 'busy', 'another statement holds the table'],
  ['SQLITE_FULL', 'unavailable', 'the disk is full'],
  ['SQLITE_IOERR', 'unavailable', 'the disk failed'],
  ['SQLITE_CANTOPEN', 'unavailable', 'the database file cannot be opened'],
  ['SQLITE_READONLY', 'unavailable', 'the database cannot be written'],
  ['SQLITE_PERM', 'unavailable', 'no permission on the database file'],
  ['SQLITE_NOMEM', 'unavailable', 'out of memory'],
  ['SQLITE_PROTOCOL', 'busy', 'locking failed'],
  ['SQLITE_CORRUPT', 'corrupt', 'the database file is damaged'],
  ['SQLITE_NOTADB', 'corrupt', 'the file is not a database, or the key is wrong'],
  ['SQLITE_TOOBIG', 'too_large', 'a value is too large for the database'],
];

/** The error of an SQLite result code; `context.engine` names the code. A `StoreError` stays as it is. */
export function sqliteError(code: string | undefined, cause: unknown): StoreError {
  if (isStoreError(cause)) return cause;
  const known = codes.find(([prefix]) => code?.startsWith(prefix));
  return known
    ? new StoreError(known[1], known[2], { cause, context: { engine: code } })
    : new StoreError('internal', 'the database refused a statement', { cause, context: code === undefined ? {} : { engine: code } });
}

/** True where the storage has no room left: reading goes on, writing waits for somebody to make room. */
export function isDiskFull(error: StoreError): boolean {
  return error.code === 'unavailable' && error.context.engine === 'SQLITE_FULL';
}
