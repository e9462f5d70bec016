import { join } from 'node:path';
import { sqliteStores } from '@spacestore/adapter-sqlite';
import { folderBlobStore } from '@spacestore/blob-fs';
import { type Directory, StoreError, type WorkspaceEntry } from '@spacestore/core';
import Type from 'typebox';
import { azure } from './compose-azure.ts';
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
    const stores = sqliteStores({ dir: join(dataDir, 'workspaces'), clock, ...(options as object) });
    const { ops, secrets, files, directory } = stores;
    let held: { readonly release: () => void } | undefined;
    try {
      held = hold ? stores.hold() : undefined;
    } catch (error) {
      await stores.close();
      throw error;
    }
    return {
      ops,
      secrets,
      files,
      directory: describing(directory, ({ id, name, createdAt, owner }) =>
        stores.describe(id, { uri: `spacestore:${id}`, name, createdAt, userId: owner }),
      ),
      ready: () => {
        const { writable, reason } = stores.health();
        return writable
          ? Promise.resolve()
          : Promise.reject(new StoreError('unavailable', `the stores can't write: ${reason ?? 'unknown'}`));
      },
      verify: stores.verifyWorkspace,
      release: async () => {
        await stores.close();
        held?.release();
      },
    };
  },
};

/** The directory, with a copy of what it says of a workspace in that workspace's own file, for whoever has that file alone. */
function describing(directory: Directory, copy: (entry: WorkspaceEntry) => Promise<void>): Directory {
  return {
    ...directory,
    create: async (workspace, call) => {
      const entry = await directory.create(workspace, call);
      await copy(entry);
      return entry;
    },
    update: async (workspace, patch, call) => {
      const entry = await directory.update(workspace, patch, call);
      await copy(entry);
      return entry;
    },
    transfer: async (workspace, to, call) => {
      const epoch = await directory.transfer(workspace, to, call);
      const entry = await directory.get(workspace, call);
      if (entry?.state === 'active') await copy(entry);
      return epoch;
    },
  };
}

const folder: AdapterModule = {
  contractVersion: 1,
  open: async (options, { dataDir, clock }) => {
    checkOptions('@spacestore/blob-fs', folderOptions, options);
    return { blobs: await folderBlobStore({ dir: join(dataDir, 'blobs'), clock, ...(options as object) }) };
  },
};

/** Adapters that come with the server; every other name is a package, or a path, to import. */
export const ownAdapters: ReadonlyMap<string, AdapterModule> = new Map([
  ['@spacestore/adapter-postgres', postgres],
  ['@spacestore/adapter-sqlite', sqlite],
  ['@spacestore/blob-azure', azure],
  ['@spacestore/blob-fs', folder],
]);
