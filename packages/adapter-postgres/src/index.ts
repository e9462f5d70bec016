import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFolder } from '@spacestore/core/sql/folder';
import { type Folder, type PostgresStoreSettings, type PostgresStores, postgresDatabaseStores } from '@spacestore/core/sql/postgres';
import { pgEngine } from './driver.ts';

export interface PostgresOptions extends PostgresStoreSettings {
  /** `postgres://user:password@host:port/database`; TLS as libpq's parameters say it (`?sslmode=verify-full`). */
  readonly url: string;
  /** For the connection that listens, where a pooler is between that hands out transactions. `url` if absent. */
  readonly listenUrl?: string;
  /** Connections at most; one more listens where hints are heard. 10. */
  readonly maxConnections?: number;
  /** How long a connection may take to come about, or to be free. 10,000 ms. */
  readonly connectTimeoutMs?: number;
  /** Where snapshots lie while they are made and read. The system's folder for temporary files. */
  readonly tempDir?: string;
}

/** Stores in a PostgreSQL database. Nothing is connected before the first call. Throws: invalid. */
export function postgresStores(options: PostgresOptions): PostgresStores {
  const { url, listenUrl = url, maxConnections = 10, connectTimeoutMs = 10_000, tempDir = tmpdir(), ...settings } = options;
  let path: string | undefined;
  let folder: Folder | undefined;
  const spool = (): Folder => {
    path ??= mkdtempSync(join(tempDir, 'spacestore-'));
    folder ??= nodeFolder(path);
    return folder;
  };
  const engine = pgEngine({ url, listenUrl, maxConnections, connectTimeoutMs });
  const stores = postgresDatabaseStores(engine, (run) => void setImmediate(run), spool, settings);
  return {
    ...stores,
    close: async () => {
      await stores.close();
      if (path !== undefined) rmSync(path, { recursive: true, force: true });
    },
  };
}

export type { PostgresStoreSettings, PostgresStores } from '@spacestore/core/sql/postgres';
