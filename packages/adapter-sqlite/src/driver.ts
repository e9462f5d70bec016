import type { SqliteEngine, SqliteHandle, SqlRow, SqlValue } from '@spacestore/core/sql';
import Database from 'better-sqlite3';
import { storeError } from './errors.ts';

/** Pages copied in one step of a backup, between which writes go on. */
const pagesPerStep = 1000;

/** better-sqlite3 as the stores want it. */
export const betterSqlite: SqliteEngine = {
  storeError,
  open: (path, mode) => handleOf(new Database(path, { fileMustExist: mode === 'existing' })),
};

function handleOf(database: Database.Database): SqliteHandle {
  const statements = new Map<string, Database.Statement<[SqlValue[]], SqlRow>>();
  const prepared = (sql: string): Database.Statement<[SqlValue[]], SqlRow> => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = database.prepare<[SqlValue[]], SqlRow>(sql);
      if (statement.reader) statement.raw(true);
      statements.set(sql, statement);
    }
    return statement;
  };
  return {
    rows: (sql, values) => prepared(sql).all(values as SqlValue[]),
    run: (sql, values) => prepared(sql).run(values as SqlValue[]).changes,
    exec: (sql) => {
      database.exec(sql);
    },
    backup: async (path) => {
      await database.backup(path, { progress: () => pagesPerStep });
    },
    close: () => {
      database.close();
    },
  };
}
