import type { StoreError } from '@spacestore/core';
import { sqliteError } from '@spacestore/core/sql';

/** The error of better-sqlite3 as one of the stores' own. */
export function storeError(error: unknown): StoreError {
  const code = (error as { code?: unknown } | null)?.code;
  return sqliteError(typeof code === 'string' ? code : undefined, error);
}
