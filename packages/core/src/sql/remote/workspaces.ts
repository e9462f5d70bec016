import { hasCode, StoreError } from '../../errors.ts';
import type { WorkspaceId } from '../../ids.ts';
import type { Session, SqlWork, SqlWorkspaces } from '../database.ts';
import { row, type Sql } from '../sql.ts';
import { markRemovedIfEmpty, ownedBy } from '../workspace-marks.ts';
import { workspaceSchema } from '../workspace-schema.ts';
import type { Catalogue } from './catalogue.ts';
import type { RemoteSqliteEngine } from './engine.ts';
import { installSchema } from './install.ts';
import type { RemoteSessions } from './sessions.ts';

/** Says that what was found under the name is not the workspace's database any more: look again. */
const goneMeanwhile = new StoreError('unavailable', 'the workspace was removed meanwhile');

const maxKnown = 10_000;

/** A database for each workspace, on a server. Each has a name that was never used before, so that whoever is late in removing one, or holds an old name,
 *  can't reach the next. `newName` makes one. */
export function remoteWorkspaces(
  engine: RemoteSqliteEngine,
  sessions: RemoteSessions,
  catalogue: Catalogue,
  newName: (workspace: WorkspaceId) => string,
): SqlWorkspaces {
  /** Workspaces that have their tables, as far as this process knows; least recently used first. */
  const known = new Map<WorkspaceId, string>();

  const remember = (workspace: WorkspaceId, database: string): string => {
    known.delete(workspace);
    known.set(workspace, database);
    const [oldest] = known.keys();
    if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
    return database;
  };
  const forget = (workspace: WorkspaceId, database: string): void => {
    if (known.get(workspace) === database) known.delete(workspace);
    sessions.forget(database);
  };

  const find = async (workspace: WorkspaceId, mayCreate: boolean): Promise<string | undefined> => {
    const name = known.get(workspace);
    if (name !== undefined) return remember(workspace, name);
    const found = await catalogue.find(workspace);
    if (found?.ready) return remember(workspace, found.database);
    if (!mayCreate) return undefined;
    const { database, ready } = await catalogue.add(workspace, newName(workspace));
    if (!ready) {
      await installSchema(engine, database, workspaceSchema, ownedBy(workspace));
      await catalogue.setReady(database);
    }
    return remember(workspace, database);
  };

  /** Ends a removal, somebody else's too. Its rows were marked as removed before, so nothing is written into it any more. */
  const remove = async (workspace: WorkspaceId, database: string): Promise<void> => {
    forget(workspace, database);
    await catalogue.drop(workspace, database);
    await engine.remove(database);
    await catalogue.forget(database);
  };

  const transaction = async <Result>(
    workspace: WorkspaceId,
    mode: 'read' | 'write',
    mayCreate: boolean,
    work: SqlWork<Result>,
  ): Promise<Result | undefined> => {
    for (let attempt = 0; ; attempt++) {
      const database = await find(workspace, mayCreate);
      if (database === undefined) return undefined;
      try {
        return await sessions.run(database, mode, ifOwn(workspace, work));
      } catch (error) {
        const isMissing = hasCode(error, 'not_found') && error.context.database === database;
        if (error !== goneMeanwhile && !isMissing) throw error;
        if (attempt === 3) throw goneMeanwhile;
        if (error === goneMeanwhile) await remove(workspace, database);
        else forget(workspace, database);
      }
    }
  };

  return {
    read: (workspace, work) => transaction(workspace, 'read', false, work),
    write: (workspace, create, work) => transaction(workspace, 'write', create, work),
    list: () => catalogue.list(),
    tidy: async (workspace) => {
      const database = await find(workspace, false);
      if (database === undefined) return;
      if (await transaction(workspace, 'write', false, markRemovedIfEmpty)) await remove(workspace, database);
    },
    release: async () => undefined,
  };
}

/** The work, unless the database is marked as removed. Throws also: corrupt if it is another workspace's. */
function ifOwn<Result>(workspace: WorkspaceId, work: SqlWork<Result>): SqlWork<Result> {
  return function* (session: Session): Sql<Result> {
    const [owner, removed] = (yield* row('SELECT workspace, removed FROM meta')) ?? [];
    if (owner !== workspace)
      throw new StoreError('corrupt', 'this database belongs to another workspace', { context: { workspace, found: owner ?? null } });
    if (removed !== 0) throw goneMeanwhile;
    return yield* work(session);
  };
}
