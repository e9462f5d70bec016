import { type SqliteStoreSettings, type SqliteStores, sqliteFileStores } from '@spacestore/core/sql';
import { nodeFolder } from '@spacestore/core/sql/folder';
import { betterSqlite } from './driver.ts';
import { restoreInThread } from './restore-thread.ts';

export interface SqliteOptions extends SqliteStoreSettings {
  /** The folder of the database files; made if it is not there. */
  readonly dir: string;
}

/** Stores in SQLite files, one for each workspace. Throws: unavailable if the folder can't be used. */
export function sqliteStores({ dir, ...settings }: SqliteOptions): SqliteStores {
  return sqliteFileStores(betterSqlite, nodeFolder(dir), (run) => void setImmediate(run), settings, restoreInThread);
}

export type { SqliteStoreSettings, SqliteStores } from '@spacestore/core/sql';
