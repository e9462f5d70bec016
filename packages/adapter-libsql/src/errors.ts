import type { StoreError } from '@spacestore/core';
import { sqliteError } from '@spacestore/core/sql';

/** Primary result codes that libsql may tell by number alone. Source: sqlite.org/rescode.html */
const names: Readonly<Record<number, string>> = {
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  7: 'SQLITE_NOMEM',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  26: 'SQLITE_NOTADB',
};

/** The error of libsql as one of the stores' own. */
export function storeError(error: unknown): StoreError {
  return sqliteError(codeOf(error), error);
}

function codeOf(error: unknown): string | undefined {
  const { code, rawCode, message } = (error ?? {}) as { code?: unknown; rawCode?: unknown; message?: unknown };
  if (typeof code === 'string' && code.startsWith('SQLITE_')) return code;
  // What opening fails with has its number only in its text.
  const number = typeof rawCode === 'number' ? rawCode : Number(/^ConnectionFailed\(.*: (\d+)"\)$/.exec(String(message))?.[1]);
  return names[number & 0xff];
}
