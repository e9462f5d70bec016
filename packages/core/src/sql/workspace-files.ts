import type { Clock } from '../clock.ts';
import { StoreError } from '../errors.ts';
import { compareIds, type WorkspaceId } from '../ids.ts';
import type { Session, SqlWork, SqlWorkspaces } from './database.ts';
import type { Folder } from './folder.ts';
import { folderLock } from './folder-lock.ts';
import type { Schedule } from './group-commit.ts';
import { oneATurn } from './one-a-turn.ts';
import { type Sql, value } from './sql.ts';
import type { SqliteEngine, SqliteHandle } from './sqlite-engine.ts';
import { isDiskFull } from './sqlite-errors.ts';
import {
  closeQuietly,
  createSqliteFile,
  openSqliteFile,
  type SqliteFile,
  type SqliteFileOptions,
  TransactionFailed,
  transact,
} from './sqlite-file.ts';
import { markRemovedIfEmpty, ownedBy } from './workspace-marks.ts';
import { workspaceSchema } from './workspace-schema.ts';

export interface WorkspaceFilesOptions extends SqliteFileOptions {
  readonly clock: Clock;
  readonly schedule: Schedule;
  /** Files held open at most, beyond those in use; each costs about 250 KB and 3 descriptors. */
  readonly maxOpenFiles: number;
  /** After a full disk was met: refuse writes at once for this long, then try one. Milliseconds. */
  readonly fullRetryMs: number;
}

/** Whether writing works, for a readiness probe. */
export interface StorageHealth {
  readonly writable: boolean;
  /** Why not, and since when (milliseconds since 1970). */
  readonly reason?: 'disk full';
  readonly since?: number;
  readonly openFiles: number;
}

/** A folder with one file for each workspace. */
export interface WorkspaceFiles extends SqlWorkspaces {
  readonly health: () => StorageHealth;
  /** Holds the file open over several turns; undefined if there is none. */
  readonly hold: <Result>(workspace: WorkspaceId, work: (file: SqliteFile) => Promise<Result>) => Promise<Result | undefined>;
  /** Has somebody else replace what is in the file, over a handle of their own; it is made if absent. Until that is done, writes wait. */
  readonly replace: <Result>(workspace: WorkspaceId, work: (path: string) => Promise<Result>) => Promise<Result>;
}

interface OpenFile {
  readonly file: SqliteFile;
  /** The version at which the file was seen not to be removed. */
  presentAt: number;
  holders: number;
  retired: boolean;
}

const namePattern = /^workspace-([a-z0-9][a-z0-9_-]{0,63})\.db$/;

/** Says that the file was removed by somebody else while this handle had it open: look again under its name. */
const removedMeanwhile = new StoreError('unavailable', 'the workspace was removed meanwhile');

export function workspaceFiles(engine: SqliteEngine, folder: Folder, options: WorkspaceFilesOptions): WorkspaceFiles {
  /** Least recently used first. */
  const open = new Map<WorkspaceId, OpenFile>();
  /** Files being replaced. SQLite would make a writer wait in this thread, and with it everybody. */
  const replacing = new Map<WorkspaceId, Promise<void>>();
  const lock = folderLock(engine, folder, options.busyTimeoutMs);
  const turnToOpen = oneATurn(options.schedule);
  let fullSince: number | undefined;
  let nextTry = 0;

  const nameOf = (workspace: WorkspaceId): string => `workspace-${workspace}.db`;

  const retire = (workspace: WorkspaceId): void => {
    const entry = open.get(workspace);
    if (!entry) return;
    open.delete(workspace);
    entry.retired = true;
    if (entry.holders === 0) closeQuietly(entry.file.handle);
  };

  /** All but the file that was just asked for may be closed, if nobody holds them. */
  const makeRoom = (used: OpenFile): void => {
    for (const [workspace, entry] of open) {
      if (open.size <= options.maxOpenFiles) return;
      if (entry !== used && entry.holders === 0) retire(workspace);
    }
  };

  const unlink = (workspace: WorkspaceId): void => {
    const name = nameOf(workspace);
    // The database last: while it is there, it says that it was removed.
    for (const suffix of ['-wal', '-shm', '']) folder.remove(name + suffix);
    folder.sync();
  };

  /** A file appears under its name only once it is whole. */
  const create = (workspace: WorkspaceId): void =>
    lock.run(() => {
      const name = nameOf(workspace);
      if (folder.exists(name)) return;
      const temporary = folder.temporaryName('new');
      try {
        folder.touch(temporary);
        createSqliteFile(engine, folder.pathOf(temporary), workspaceSchema, ownedBy(workspace));
        folder.rename(temporary, name);
      } catch (error) {
        for (const suffix of ['-journal', '-wal', '-shm', '']) folder.remove(temporary + suffix);
        throw noted(engine.storeError(error));
      }
    });

  /** Ends a removal that a crash interrupted. Under the lock nobody else makes or removes files. */
  const finishRemoval = (workspace: WorkspaceId): void =>
    lock.run(() => {
      if (!folder.exists(nameOf(workspace))) return;
      const file = openSqliteFile(engine, folder.pathOf(nameOf(workspace)), workspaceSchema, options);
      try {
        if (file.handle.rows('SELECT removed FROM meta', [])[0]?.[0] !== 1) return;
        emptyWriteAheadLog(file.handle);
      } catch (error) {
        throw engine.storeError(error);
      } finally {
        closeQuietly(file.handle);
      }
      unlink(workspace);
    });

  const find = (workspace: WorkspaceId, mayCreate: boolean): OpenFile | undefined => {
    const known = open.get(workspace);
    if (known) {
      open.delete(workspace);
      open.set(workspace, known);
      return known;
    }
    if (!folder.exists(nameOf(workspace))) {
      if (!mayCreate) return undefined;
      create(workspace);
    }
    const file = openSqliteFile(engine, folder.pathOf(nameOf(workspace)), workspaceSchema, options);
    const entry: OpenFile = { file, presentAt: -1, holders: 0, retired: false };
    try {
      checkOwner(file, workspace);
    } catch (error) {
      closeQuietly(file.handle);
      throw engine.storeError(error);
    }
    open.set(workspace, entry);
    makeRoom(entry);
    return entry;
  };

  const noted = (error: StoreError): StoreError => {
    if (isDiskFull(error)) {
      const now = options.clock.now();
      fullSince ??= now;
      nextTry = now + options.fullRetryMs;
    }
    return error;
  };

  const refuseIfFull = (): void => {
    if (fullSince === undefined || options.clock.now() >= nextTry) return;
    throw new StoreError('unavailable', 'the disk is full: nothing is written until there is room', {
      context: { engine: 'SQLITE_FULL', since: fullSince },
    });
  };

  const transaction = <Result>(
    workspace: WorkspaceId,
    mayCreate: boolean,
    begin: 'BEGIN' | 'BEGIN IMMEDIATE',
    work: SqlWork<Result>,
  ): Result | undefined => {
    for (let attempt = 0; ; attempt++) {
      const entry = find(workspace, mayCreate);
      if (!entry) return undefined;
      try {
        const result = transact(engine, entry.file, begin, ifNotRemoved(entry, work));
        entry.presentAt = entry.file.session.version;
        return result;
      } catch (failure) {
        if (!(failure instanceof TransactionFailed)) throw failure;
        if (failure.error !== removedMeanwhile || attempt === 3) {
          if (!failure.usable || failure.error === removedMeanwhile) retire(workspace);
          throw noted(failure.error);
        }
        retire(workspace);
        finishRemoval(workspace);
      }
    }
  };

  const write = <Result>(workspace: WorkspaceId, mayCreate: boolean, work: SqlWork<Result>): Result | undefined => {
    refuseIfFull();
    const result = transaction(workspace, mayCreate, 'BEGIN IMMEDIATE', work);
    fullSince = undefined;
    return result;
  };

  const tidy = (workspace: WorkspaceId): void => {
    const removed = write(workspace, false, markRemovedIfEmpty);
    const entry = open.get(workspace);
    if (removed === undefined || !entry) return;
    const { handle } = entry.file;
    if (removed) entry.presentAt = -1;
    // What was deleted must not stay readable in free pages or in the write-ahead log.
    if (!removed) handle.exec('VACUUM');
    emptyWriteAheadLog(handle);
    if (!removed) return;
    retire(workspace);
    unlink(workspace);
  };

  const hold: WorkspaceFiles['hold'] = async (workspace, work) => {
    const entry = find(workspace, false);
    if (!entry) return undefined;
    entry.holders++;
    try {
      return await work(entry.file);
    } catch (error) {
      throw noted(engine.storeError(error));
    } finally {
      entry.holders--;
      if (entry.retired && entry.holders === 0) closeQuietly(entry.file.handle);
    }
  };

  return {
    read: async (workspace, work) => {
      if (!open.has(workspace)) await turnToOpen();
      return transaction(workspace, false, 'BEGIN', work);
    },
    write: async (workspace, mayCreate, work) => {
      if (!open.has(workspace)) await turnToOpen();
      for (let held = replacing.get(workspace); held; held = replacing.get(workspace)) await held;
      return write(workspace, mayCreate, work);
    },
    list: async () =>
      folder
        .names()
        .flatMap((name) => (namePattern.exec(name)?.[1] ?? []) as WorkspaceId | [])
        .sort(compareIds),
    tidy: async (workspace) => {
      for (let held = replacing.get(workspace); held; held = replacing.get(workspace)) await held;
      try {
        lock.run(() => tidy(workspace));
      } catch (error) {
        throw noted(engine.storeError(error));
      }
    },
    release: async () => {
      for (const workspace of open.keys()) retire(workspace);
    },
    hold,
    replace: async (workspace, work) => {
      for (let before = replacing.get(workspace); before; before = replacing.get(workspace)) await before;
      let done: () => void = () => undefined;
      replacing.set(
        workspace,
        new Promise((resolve) => {
          done = resolve;
        }),
      );
      try {
        write(workspace, true, nothing);
        return await work(folder.pathOf(nameOf(workspace)));
      } catch (error) {
        throw noted(engine.storeError(error));
      } finally {
        replacing.delete(workspace);
        done();
      }
    },
    health: () => ({
      writable: fullSince === undefined,
      ...(fullSince === undefined ? {} : { reason: 'disk full' as const, since: fullSince }),
      openFiles: open.size,
    }),
  };
}

/** The database file itself holds all that was committed. SQLite does not throw where somebody's open read keeps it from that, and then what was
 *  deleted is still there to be read, and the mark of a removal would go with the write-ahead log. Throws: busy. */
function emptyWriteAheadLog(handle: SqliteHandle): void {
  const [blocked] = handle.rows('PRAGMA wal_checkpoint(TRUNCATE)', [])[0] ?? [];
  if (blocked !== 0) throw new StoreError('busy', 'somebody still reads what is being removed');
}

function checkOwner(file: SqliteFile, workspace: WorkspaceId): void {
  const owner = file.handle.rows('SELECT workspace FROM meta', [])[0]?.[0];
  if (owner === workspace) return;
  throw new StoreError('corrupt', 'this file belongs to another workspace', { context: { workspace, found: owner ?? null } });
}

function ifNotRemoved<Result>(entry: OpenFile, work: SqlWork<Result>): SqlWork<Result> {
  return function* (session: Session): Sql<Result> {
    if (entry.presentAt === session.version) return yield* work(session);
    const removed = yield* value('SELECT removed FROM meta');
    if (removed === 1) throw removedMeanwhile;
    if (removed !== 0) throw new StoreError('corrupt', 'the workspace file does not say whose it is');
    return yield* work(session);
  };
}

function* nothing(): Sql<true> {
  yield* value('SELECT 1');
  return true;
}
