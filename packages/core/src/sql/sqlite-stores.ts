import { type Clock, systemClock } from '../clock.ts';
import type { Directory } from '../contracts/directory.ts';
import type { FileIndex } from '../contracts/file-index.ts';
import type { OpStore, OpStoreCapabilities } from '../contracts/op-store.ts';
import type { Outbox } from '../contracts/outbox.ts';
import type { SecretStore } from '../contracts/secret-store.ts';
import { StoreError } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { parseWorkspaceId } from '../ids.ts';
import type { SqlDatabase } from './database.ts';
import { directorySchema } from './directory-schema.ts';
import type { Folder } from './folder.ts';
import { type FolderHold, folderLock, holdFolder } from './folder-lock.ts';
import type { GroupLimits, Schedule } from './group-commit.ts';
import { type LogReport, verifyLog } from './log/verify-log.ts';
import type { Schema } from './migrate.ts';
import { outboxSchema } from './outbox-schema.ts';
import { type RestoreFile, restoreFile } from './restore-file.ts';
import { type SpaceRow, writeSpace } from './spaces.ts';
import { sqlDirectory } from './sql-directory.ts';
import { sqlFileIndex } from './sql-file-index.ts';
import { sqlOpStore } from './sql-op-store.ts';
import { sqlOutbox } from './sql-outbox.ts';
import { sqlSecretStore } from './sql-secret-store.ts';
import { sqliteDatabase } from './sqlite-database.ts';
import type { SqliteEngine } from './sqlite-engine.ts';
import { workspaceCopies } from './workspace-copies.ts';
import { type StorageHealth, workspaceFiles } from './workspace-files.ts';

/** Settings of SQLite files. Each has a default. */
export interface SqliteStoreSettings {
  readonly clock?: Clock;
  /** Files held open at most, beyond those in use: about 250 KB and 3 descriptors each. 200. */
  readonly maxOpenFiles?: number;
  /** How long a write waits in this thread for another process's. 2000 ms. */
  readonly busyTimeoutMs?: number;
  /** After a full disk was met, writes are refused at once for this long; then one is tried. 5000 ms. */
  readonly fullRetryMs?: number;
  /** 1 MiB. */
  readonly maxBodyBytes?: number;
  /** 100,000. */
  readonly maxCallRecords?: number;
  /** 1 MiB. */
  readonly maxSecretBytes?: number;
  /** 64 GiB. */
  readonly maxSnapshotBytes?: number;
  /** When a commit group takes no more calls. 2048 records or 1 MiB. */
  readonly group?: GroupLimits;
}

export interface SqliteStores {
  readonly ops: OpStore;
  readonly secrets: SecretStore;
  readonly files: FileIndex;
  /** In `directory.db`. */
  readonly directory: Directory;
  /** An outbox in a file of its own; `outbox.db` if it is not named. */
  readonly outbox: (name?: string) => Outbox;
  /** Whether writing works, for a readiness probe. */
  readonly health: () => StorageHealth;
  /** Reads the whole log of a workspace and names what is not as it was written. Undefined if there is none. Throws: corrupt where the file can't be read at all. */
  readonly verifyWorkspace: (workspace: WorkspaceId) => Promise<LogReport | undefined>;
  /** Keeps a copy of what the directory says of a workspace in its own file, for whoever reads that alone. */
  readonly describe: (workspace: WorkspaceId, space: SpaceRow) => Promise<void>;
  /** Nobody else holds this folder until release, or the end of this process. Throws: busy if somebody does. */
  readonly hold: () => FolderHold;
  /** Closes all of them. */
  readonly close: () => Promise<void>;
}

/** All stores of an SQLite library in one folder: a file for each workspace. `restore` carries restores out in another thread, where the library has one. */
export function sqliteFileStores(
  engine: SqliteEngine,
  folder: Folder,
  schedule: Schedule,
  settings: SqliteStoreSettings = {},
  restore: RestoreFile = async (job) => restoreFile(engine, job),
): SqliteStores {
  const { clock = systemClock, busyTimeoutMs = 2000, group = { maxRecords: 2048, maxBytes: 1024 ** 2 } } = settings;
  const pause = (): Promise<void> => new Promise((resolve) => schedule(resolve));
  folder.sweep();
  const workspaces = workspaceFiles(engine, folder, {
    clock,
    schedule,
    busyTimeoutMs,
    maxOpenFiles: settings.maxOpenFiles ?? 200,
    fullRetryMs: settings.fullRetryMs ?? 5000,
  });
  const maxBodyBytes = settings.maxBodyBytes ?? 1024 ** 2;
  const copies = workspaceCopies(engine, folder, workspaces, {
    maxBodyBytes,
    busyTimeoutMs,
    pause,
    restoreFile: restore,
    maxSnapshotBytes: settings.maxSnapshotBytes ?? 64 * 1024 ** 3,
  });
  const capabilities: OpStoreCapabilities = {
    durable: 'power',
    multiHandle: true,
    multiProcess: true,
    integrity: true,
    secureDelete: true,
    fence: true,
    via: true,
    receivedAt: true,
    snapshot: true,
    maxBodyBytes,
    maxCallRecords: settings.maxCallRecords ?? 100_000,
  };
  const ops = sqlOpStore(workspaces, { clock, schedule, group, capabilities, copies });
  const secrets = sqlSecretStore(workspaces, {
    durable: 'power',
    multiHandle: true,
    multiProcess: true,
    sealed: false,
    maxValueBytes: settings.maxSecretBytes ?? 1024 ** 2,
  });
  const files = sqlFileIndex(workspaces);
  const lock = folderLock(engine, folder, busyTimeoutMs);
  const database = (name: string, schema: Schema): SqlDatabase => sqliteDatabase(engine, folder, lock, name, schema, { busyTimeoutMs });
  const directory = sqlDirectory(database('directory.db', directorySchema), { clock, pause });
  const outboxes: Outbox[] = [];
  return {
    directory,
    outbox: (name = 'outbox.db') => {
      if (!/^outbox(-[a-z0-9_-]{1,64})?\.db$/.test(name))
        throw new StoreError('invalid', 'an outbox file is outbox.db or outbox-<name>.db');
      const outbox = sqlOutbox(database(name, outboxSchema), { clock, schedule, group });
      outboxes.push(outbox);
      return outbox;
    },
    ops,
    secrets,
    files,
    health: workspaces.health,
    verifyWorkspace: async (workspace) => {
      const id = parseWorkspaceId(workspace);
      return verifyLog((work) => workspaces.read(id, work), { pause });
    },
    describe: async (workspace, space) => {
      const id = parseWorkspaceId(workspace);
      await workspaces.write(id, true, () => writeSpace(id, space));
    },
    hold: () => holdFolder(engine, folder),
    close: async () => {
      await Promise.all([ops.close(), secrets.close(), files.close(), directory.close(), ...outboxes.map((outbox) => outbox.close())]);
      folder.removeSources();
    },
  };
}
