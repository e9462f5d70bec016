import type { SqlDatabase, SqlWork } from './database.ts';
import type { Folder } from './folder.ts';
import type { FolderLock } from './folder-lock.ts';
import type { Schema } from './migrate.ts';
import type { SqliteEngine } from './sqlite-engine.ts';
import {
  closeQuietly,
  createSqliteFile,
  openSqliteFile,
  type SqliteFile,
  type SqliteFileOptions,
  TransactionFailed,
  transact,
} from './sqlite-file.ts';

/** One database file of a folder, opened at the first question and made if it is not there. */
export function sqliteDatabase(
  engine: SqliteEngine,
  folder: Folder,
  lock: FolderLock,
  name: string,
  schema: Schema,
  options: SqliteFileOptions,
): SqlDatabase {
  let open: SqliteFile | undefined;

  /** The file appears under its name only once it is whole. */
  const create = (): void =>
    lock.run(() => {
      if (folder.exists(name)) return;
      const temporary = folder.temporaryName('new');
      try {
        folder.touch(temporary);
        createSqliteFile(engine, folder.pathOf(temporary), schema);
        folder.rename(temporary, name);
      } catch (error) {
        for (const suffix of ['-journal', '-wal', '-shm', '']) folder.remove(temporary + suffix);
        throw engine.storeError(error);
      }
    });

  const find = (): SqliteFile => {
    if (open) return open;
    if (!folder.exists(name)) create();
    open = openSqliteFile(engine, folder.pathOf(name), schema, options);
    return open;
  };

  const close = (): void => {
    if (open) closeQuietly(open.handle);
    open = undefined;
  };

  const transaction = <Result>(begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: SqlWork<Result>): Result => {
    try {
      return transact(engine, find(), begin, work);
    } catch (failure) {
      if (!(failure instanceof TransactionFailed)) throw failure;
      if (!failure.usable) close();
      throw failure.error;
    }
  };

  return {
    read: async (work) => transaction('BEGIN', work),
    write: async (work) => transaction('BEGIN IMMEDIATE', work),
    close: async () => close(),
  };
}
