import { join } from 'node:path';
import { sqliteStores } from '@spacestore/adapter-sqlite';
import { folderBlobStore } from '@spacestore/blob-fs';
import { servedStores } from '@spacestore/core/sql';
import Type from 'typebox';
import { azure } from './compose-azure.ts';
import { libsql } from './compose-libsql.ts';
import { checkOptions, exact, whole } from './compose-options.ts';
import { postgres } from './compose-postgres.ts';
import type { AdapterModule } from './config/adapter-module.ts';

const sqliteOptions = Type.Object(
  {
    dir: Type.Optional(Type.String({ minLength: 1 })),
    maxOpenFiles: whole,
    busyTimeoutMs: whole,
    fullRetryMs: whole,
    maxBodyBytes: whole,
    maxCallRecords: whole,
    maxSecretBytes: whole,
    maxSnapshotBytes: whole,
  },
  exact,
);
const folderOptions = Type.Object(
  {
    dir: Type.Optional(Type.String({ minLength: 1 })),
    layout: Type.Optional(Type.Union([Type.Literal('object'), Type.Literal('sila')])),
    fsync: Type.Optional(Type.Boolean()),
    tempTtlMs: whole,
    maxBlobBytes: whole,
  },
  exact,
);

const sqlite: AdapterModule = {
  contractVersion: 1,
  open: async (options, { dataDir, clock, hold }) => {
    checkOptions('@spacestore/adapter-sqlite', sqliteOptions, options);
    return servedStores(sqliteStores({ dir: join(dataDir, 'workspaces'), clock, ...(options as object) }), hold);
  },
};

const folder: AdapterModule = {
  contractVersion: 1,
  open: async (options, { dataDir, clock }) => {
    checkOptions('@spacestore/blob-fs', folderOptions, options);
    return { blobs: await folderBlobStore({ dir: join(dataDir, 'blobs'), clock, ...(options as object) }) };
  },
};

/** Adapters that come with the server; every other name is a package, or a path, to import. */
export const ownAdapters: ReadonlyMap<string, AdapterModule> = new Map([
  ['@spacestore/adapter-libsql', libsql],
  ['@spacestore/adapter-postgres', postgres],
  ['@spacestore/adapter-sqlite', sqlite],
  ['@spacestore/blob-azure', azure],
  ['@spacestore/blob-fs', folder],
]);
