import { onTestFinished } from 'vitest';
import { newDir } from '../../adapter-sqlite/test/kit.ts';
import type { SqliteStores } from '../src/index.ts';
import { type LibsqlOptions, libsqlStores } from '../src/stores.ts';

export { failureOf, newDir, op, openStores as openSqlite, readAllPages, ws } from '../../adapter-sqlite/test/kit.ts';

/** Stores that are closed with the test. */
export function openStores(dir: string = newDir(), options: Omit<LibsqlOptions, 'dir'> = {}): SqliteStores {
  const stores = libsqlStores({ dir, ...options });
  onTestFinished(() => stores.close());
  return stores;
}
