import { sqliteStores } from '@spacestore/adapter-sqlite';
import type { OpStore } from '@spacestore/core';

/** The store under test, with its defaults: WAL, FULL sync, group commit. */
export function openOps(dir: string): OpStore {
  return sqliteStores({ dir }).ops;
}
