import type { WorkspaceId } from '../../ids.ts';
import type { SqlDatabase } from '../database.ts';
import type { Schema } from '../migrate.ts';
import { row, rows, run } from '../sql.ts';

/** Which database holds which workspace. `dropped` names databases that nobody uses any more and that may still be there. */
export const catalogueSchema: Schema = {
  name: 'catalogue',
  applicationId: 0x53_70_43_61,
  steps: [
    `CREATE TABLE workspace (id TEXT PRIMARY KEY, database TEXT NOT NULL UNIQUE, ready INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE dropped (database TEXT PRIMARY KEY) WITHOUT ROWID;`,
  ],
};

export interface CatalogueEntry {
  readonly database: string;
  /** Whether it has its tables. */
  readonly ready: boolean;
}

export interface Catalogue {
  readonly find: (workspace: WorkspaceId) => Promise<CatalogueEntry | undefined>;
  /** The workspace's database: `database`, unless it has one. */
  readonly add: (workspace: WorkspaceId, database: string) => Promise<CatalogueEntry>;
  readonly setReady: (database: string) => Promise<void>;
  /** The workspace does not use this database any more. */
  readonly drop: (workspace: WorkspaceId, database: string) => Promise<void>;
  readonly dropped: () => Promise<readonly string[]>;
  readonly forget: (database: string) => Promise<void>;
  readonly list: () => Promise<readonly WorkspaceId[]>;
}

export function catalogueOf(database: SqlDatabase): Catalogue {
  function* find(workspace: WorkspaceId) {
    const found = yield* row('SELECT database, ready FROM workspace WHERE id = ?', workspace);
    return found && { database: found[0] as string, ready: found[1] === 1 };
  }
  const none = 'INSERT INTO workspace (id, database, ready) VALUES (?, ?, 0) ON CONFLICT (id) DO NOTHING';
  return {
    find: (workspace) => database.read(() => find(workspace)),
    add: (workspace, fresh) =>
      database.write(function* () {
        yield* run(none, workspace, fresh);
        return (yield* find(workspace)) as CatalogueEntry;
      }),
    setReady: async (name) => {
      await database.write(() => run('UPDATE workspace SET ready = 1 WHERE database = ?', name));
    },
    drop: async (workspace, name) => {
      await database.write(function* () {
        const changed = yield* run('DELETE FROM workspace WHERE id = ? AND database = ?', workspace, name);
        if (changed > 0) yield* run('INSERT INTO dropped (database) VALUES (?)', name);
      });
    },
    dropped: async () => (await database.read(() => rows('SELECT database FROM dropped'))).map(([name]) => name as string),
    forget: async (name) => {
      await database.write(() => run('DELETE FROM dropped WHERE database = ?', name));
    },
    list: async () =>
      (await database.read(() => rows('SELECT id FROM workspace WHERE ready = 1 ORDER BY id'))).map(([id]) => id as WorkspaceId),
  };
}
