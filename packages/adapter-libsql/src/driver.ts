import { pathToFileURL } from 'node:url';
import type { SqliteEngine, SqliteHandle, SqlRow } from '@spacestore/core/sql';
import { storeError } from './errors.ts';
import { LibsqlDatabase, type LibsqlOptions, type LibsqlStatement, LibsqlThreadDatabase } from './library.ts';
import { type Reclaim, reclaim } from './reclaim.ts';
import { rowOfSafe, safeQuery } from './safe-rows.ts';

export interface LibsqlEngine extends SqliteEngine {
  /** Resolves when every closed handle has let go of its file. */
  readonly settle: () => Promise<void>;
}

/** libsql as the stores want it; with a key, every file is encrypted. */
export function libsqlEngine(options: LibsqlOptions = {}): LibsqlEngine {
  const handles = reclaim();
  return {
    storeError,
    settle: handles.settle,
    open: (path, mode) => {
      const url = pathToFileURL(path).href;
      if (mode === 'existing') refuseOtherKey(url, options);
      return handleOf(`${url}?mode=${mode === 'create' ? 'rwc' : 'rw'}`, options, handles);
    },
  };
}

/** Reads the file's first page and nothing else. Opened as usual with another key, a file is refused as well, but at its close SQLite would move what a
 *  killed process left in the write-ahead log: a refusal must change nothing. Twice, since another process may write that page just now. */
function refuseOtherKey(url: string, options: LibsqlOptions): void {
  const readFirstPage = (): void => {
    const probe = new LibsqlDatabase(`${url}?mode=ro&immutable=1`, options);
    try {
      probe.exec('PRAGMA schema_version');
    } finally {
      probe.close();
    }
  };
  try {
    readFirstPage();
  } catch {
    readFirstPage();
  }
}

function handleOf(uri: string, options: LibsqlOptions, handles: Reclaim): SqliteHandle {
  const database = new LibsqlDatabase(uri, options);
  const queries = new Map<string, (values: readonly unknown[]) => readonly SqlRow[]>();
  const commands = new Map<string, LibsqlStatement>();

  const queryOf = (sql: string): ((values: readonly unknown[]) => readonly SqlRow[]) => {
    if (!sql.startsWith('SELECT')) {
      // A pragma, or a write that answers with integers.
      const statement = database.prepare(sql);
      return (values) => statement.all(values).map((row) => Object.values(row as object) as SqlRow);
    }
    const statement = database.prepare(safeQuery(database, sql)).raw(true);
    return (values) => statement.all(values).map((row) => rowOfSafe(row as unknown[]));
  };

  return {
    rows: (sql, values) => {
      let query = queries.get(sql);
      if (query === undefined) {
        query = queryOf(sql);
        queries.set(sql, query);
      }
      return query(values);
    },
    run: (sql, values) => {
      let command = commands.get(sql);
      if (command === undefined) {
        command = database.prepare(sql);
        commands.set(sql, command);
      }
      return command.run(values).changes;
    },
    exec: (sql) => database.exec(sql),
    backup: async (copy) => {
      // libsql has no online backup. Another thread copies from a snapshot of its own, while writes go on here.
      const reader = new LibsqlThreadDatabase(uri, options);
      try {
        await reader.exec(`VACUUM INTO '${copy.replaceAll("'", "''")}'`);
      } finally {
        reader.close();
      }
      const copied = new LibsqlDatabase(`${pathToFileURL(copy).href}?mode=rw`, options);
      try {
        copied.exec('PRAGMA journal_mode = WAL');
      } finally {
        copied.close();
      }
    },
    close: () => {
      const hasStatements = queries.size + commands.size > 0;
      queries.clear();
      commands.clear();
      try {
        // What SQLite does at a close, since this one may come late: nothing is open any more, and the file alone is whole.
        if (database.inTransaction) database.exec('ROLLBACK');
        if (hasStatements) database.exec('PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)');
      } finally {
        database.close();
        if (hasStatements) handles.closed();
      }
    },
  };
}
