import { type Clock, systemClock } from '../../clock.ts';
import type { ChangeHints } from '../../contracts/change-hints.ts';
import type { Directory } from '../../contracts/directory.ts';
import type { FileIndex } from '../../contracts/file-index.ts';
import type { OpStore } from '../../contracts/op-store.ts';
import type { SecretStore } from '../../contracts/secret-store.ts';
import { parseWorkspaceId, type WorkspaceId } from '../../ids.ts';
import { postgresFiles } from '../file-statements.ts';
import type { Folder } from '../folder.ts';
import type { GroupLimits, Schedule } from '../group-commit.ts';
import type { LogReport } from '../log/verify-log.ts';
import { postgresSecrets } from '../secret-statements.ts';
import { sqlDirectory } from '../sql-directory.ts';
import { sqlFileIndex } from '../sql-file-index.ts';
import { sqlSecretStore } from '../sql-secret-store.ts';
import { postgresCopies } from './copies.ts';
import { postgresDatabase, sharedDatabase, sharedWorkspaces } from './database.ts';
import type { PostgresEngine } from './engine.ts';
import { notifyHints } from './notify-hints.ts';
import { postgresOpStore } from './postgres-op-store.ts';
import { verifySharedLog } from './verify-log.ts';

/** Settings of stores in PostgreSQL. Each has a default. */
export interface PostgresStoreSettings {
  readonly clock?: Clock;
  /** The schema of all tables, made if it is not there. `spacestore`. */
  readonly schema?: string;
  /** Demands that the database notices damage to what lies on its disk (`data_checksums`). Without, the stores do not claim `integrity`. True. */
  readonly checksums?: boolean;
  /** A statement that takes longer is given up as `busy`. 20,000 ms. */
  readonly statementTimeoutMs?: number;
  /** A statement that waits longer for somebody else's transaction is given up as `busy`. 5000 ms. */
  readonly lockTimeoutMs?: number;
  /** Transactions that append at the same time. 2. */
  readonly writers?: number;
  /** Logs remembered between appends, so that they need no look; about 2 KB each, and 200 bytes for each tree and peer. 2000. */
  readonly maxKnownLogs?: number;
  /** 1 MiB. */
  readonly maxBodyBytes?: number;
  /** 100,000. */
  readonly maxCallRecords?: number;
  /** 1 MiB. */
  readonly maxSecretBytes?: number;
  /** 64 GiB. */
  readonly maxSnapshotBytes?: number;
  /** When a commit group takes no more calls: of all workspaces together. 4096 records or 4 MiB. */
  readonly group?: GroupLimits;
}

export interface PostgresStores {
  readonly ops: OpStore;
  readonly secrets: SecretStore;
  readonly files: FileIndex;
  readonly directory: Directory;
  /** What servers on one database tell each other. */
  readonly hints: ChangeHints;
  /** Reads the whole log of a workspace and names what is not as it was written. Undefined if there is none. */
  readonly verifyWorkspace: (workspace: WorkspaceId) => Promise<LogReport | undefined>;
  /** Resolves if the database can be reached and has its tables. Throws: unavailable, unsupported. */
  readonly ready: () => Promise<void>;
  /** Closes all of them, and the connections. */
  readonly close: () => Promise<void>;
}

/** All stores of a PostgreSQL database, for any number of workspaces and servers. */
export function postgresDatabaseStores(
  engine: PostgresEngine,
  schedule: Schedule,
  folder: () => Folder,
  settings: PostgresStoreSettings = {},
): PostgresStores {
  const { clock = systemClock, schema = 'spacestore', checksums = true } = settings;
  const { maxBodyBytes = 1024 ** 2, maxSecretBytes = 1024 ** 2, maxSnapshotBytes = 64 * 1024 ** 3 } = settings;
  const database = postgresDatabase(engine, {
    schema,
    checksums,
    statementTimeoutMs: settings.statementTimeoutMs ?? 20_000,
    lockTimeoutMs: settings.lockTimeoutMs ?? 5000,
  });
  const ops = postgresOpStore(database, {
    clock,
    schedule,
    group: settings.group ?? { maxRecords: 4096, maxBytes: 4 * 1024 ** 2 },
    writers: settings.writers ?? 2,
    maxKnownLogs: settings.maxKnownLogs ?? 2000,
    copies: postgresCopies(database, { folder, maxBodyBytes, maxSecretBytes, maxSnapshotBytes }),
    capabilities: {
      durable: 'power',
      multiHandle: true,
      multiProcess: true,
      integrity: checksums,
      secureDelete: false,
      fence: true,
      via: true,
      receivedAt: true,
      snapshot: true,
      maxBodyBytes,
      maxCallRecords: settings.maxCallRecords ?? 100_000,
    },
  });
  const workspaces = sharedWorkspaces(database);
  const capabilities = { durable: 'power', multiHandle: true, multiProcess: true, sealed: false, maxValueBytes: maxSecretBytes } as const;
  const secrets = sqlSecretStore(workspaces, capabilities, postgresSecrets);
  const files = sqlFileIndex(workspaces, postgresFiles);
  const pause = (): Promise<void> => new Promise((resolve) => schedule(resolve));
  const directory = sqlDirectory(sharedDatabase(database), { clock, pause });
  const hints = notifyHints(engine, schema, schedule);
  let closing: Promise<void> | undefined;
  const closeAll = async (): Promise<void> => {
    await Promise.all([ops.close(), secrets.close(), files.close(), directory.close(), hints.close()]);
    await engine.close();
  };
  return {
    ops,
    secrets,
    files,
    directory,
    hints,
    verifyWorkspace: async (workspace) => verifySharedLog(database, parseWorkspaceId(workspace)),
    ready: () =>
      database.transact({ mode: 'read', binding: 'none' }, async (transaction) => {
        await transaction.finish([{ sql: 'SELECT 1' }]);
      }),
    close: () => {
      closing ??= closeAll();
      return closing;
    },
  };
}
