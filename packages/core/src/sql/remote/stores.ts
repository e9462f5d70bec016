import { type Clock, systemClock } from '../../clock.ts';
import type { Directory } from '../../contracts/directory.ts';
import type { FileIndex } from '../../contracts/file-index.ts';
import type { OpStore } from '../../contracts/op-store.ts';
import type { SecretStore } from '../../contracts/secret-store.ts';
import { StoreError } from '../../errors.ts';
import { parseWorkspaceId, type WorkspaceId } from '../../ids.ts';
import { directorySchema } from '../directory-schema.ts';
import type { GroupLimits, Schedule } from '../group-commit.ts';
import { type LogReport, verifyLog } from '../log/verify-log.ts';
import { type SpaceRow, writeSpace } from '../spaces.ts';
import { sqlDirectory } from '../sql-directory.ts';
import { sqlFileIndex } from '../sql-file-index.ts';
import { sqlOpStore } from '../sql-op-store.ts';
import { sqlSecretStore } from '../sql-secret-store.ts';
import { catalogueOf, catalogueSchema } from './catalogue.ts';
import { remoteDatabase } from './database.ts';
import type { RemoteSqliteEngine } from './engine.ts';
import { remoteSessions } from './sessions.ts';
import { remoteWorkspaces } from './workspaces.ts';

export interface RemoteStoreSettings {
  readonly clock?: Clock;
  /** 1 MiB. */
  readonly maxBodyBytes?: number;
  /** 100,000. */
  readonly maxCallRecords?: number;
  /** 1 MiB. */
  readonly maxSecretBytes?: number;
  /** When a commit group takes no more calls. 2048 records or 1 MiB. */
  readonly group?: GroupLimits;
}

export interface RemoteStores {
  readonly ops: OpStore;
  readonly secrets: SecretStore;
  readonly files: FileIndex;
  readonly directory: Directory;
  /** Throws: unavailable while the server does not answer. */
  readonly ready: () => Promise<void>;
  readonly verifyWorkspace: (workspace: WorkspaceId) => Promise<LogReport | undefined>;
  readonly describe: (workspace: WorkspaceId, space: SpaceRow) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** All stores on an SQLite server: a database for each workspace, one for the directory and one that says which is whose. Removals that were
 *  interrupted are ended first. Throws: unavailable, denied. */
export async function remoteSqliteStores(
  engine: RemoteSqliteEngine,
  names: { readonly catalogue: string; readonly directory: string; readonly fresh: (workspace: WorkspaceId) => string },
  schedule: Schedule,
  settings: RemoteStoreSettings = {},
): Promise<RemoteStores> {
  const { clock = systemClock, group = { maxRecords: 2048, maxBytes: 1024 ** 2 } } = settings;
  const pause = (): Promise<void> => new Promise((resolve) => schedule(resolve));
  const sessions = remoteSessions(engine);
  const catalogueDatabase = remoteDatabase(engine, sessions, names.catalogue, catalogueSchema);
  const catalogue = catalogueOf(catalogueDatabase);
  for (const database of await catalogue.dropped()) {
    await engine.remove(database);
    await catalogue.forget(database);
  }
  const durable = await durabilityOf(engine, names.catalogue);
  const workspaces = remoteWorkspaces(engine, sessions, catalogue, names.fresh);
  const common = { durable, multiHandle: true, multiProcess: true } as const;
  const unsupported = (): Promise<never> => Promise.reject(new StoreError('unsupported', 'a log on a server has no snapshot'));
  const ops = sqlOpStore(workspaces, {
    clock,
    schedule,
    group,
    copies: { snapshot: unsupported, restore: unsupported },
    capabilities: {
      ...common,
      integrity: true,
      secureDelete: false,
      fence: true,
      via: true,
      receivedAt: true,
      snapshot: false,
      maxBodyBytes: settings.maxBodyBytes ?? 1024 ** 2,
      maxCallRecords: settings.maxCallRecords ?? 100_000,
    },
  });
  const secrets = sqlSecretStore(workspaces, { ...common, sealed: false, maxValueBytes: settings.maxSecretBytes ?? 1024 ** 2 });
  const files = sqlFileIndex(workspaces);
  const directory = sqlDirectory(remoteDatabase(engine, sessions, names.directory, directorySchema), { clock, pause });
  return {
    ops,
    secrets,
    files,
    directory,
    ready: async () => {
      await catalogue.dropped();
    },
    verifyWorkspace: async (workspace) => {
      const id = parseWorkspaceId(workspace);
      return verifyLog((work) => workspaces.read(id, work), { pause });
    },
    describe: async (workspace, space) => {
      const id = parseWorkspaceId(workspace);
      await workspaces.write(id, true, () => writeSpace(id, space));
    },
    close: async () => {
      await Promise.all([ops.close(), secrets.close(), files.close(), directory.close()]);
      engine.close();
    },
  };
}

/** What the server does at a commit: only `synchronous` FULL and beyond survive a power cut. */
async function durabilityOf(engine: RemoteSqliteEngine, database: string): Promise<'power' | 'process'> {
  const rows = await engine.transaction(database, 'read', (execute) => execute({ kind: 'rows', sql: 'PRAGMA synchronous', values: [] }));
  const [first] = rows as readonly (readonly unknown[])[];
  return Number(first?.[0]) >= 2 ? 'power' : 'process';
}
