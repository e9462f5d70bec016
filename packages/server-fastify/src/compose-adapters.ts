import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sqliteStores } from '@spacestore/adapter-sqlite';
import { folderBlobStore } from '@spacestore/blob-fs';
import { type Clock, type Directory, StoreError } from '@spacestore/core';
import {
  type AdapterContext,
  type AdapterModule,
  adapterOf,
  type OpenedAdapter,
  type StoreName,
  storeNames,
} from './config/adapter-module.ts';
import type { AdapterConfig, Config } from './config/config.ts';
import type { Stores } from './service/stores.ts';

const sqlite: AdapterModule = {
  contractVersion: 1,
  open: (options, { dataDir, clock, hold }) => {
    const stores = sqliteStores({ dir: join(dataDir, 'workspaces'), clock, ...(options as object) });
    const { ops, secrets, files, directory } = stores as typeof stores & { directory?: Directory };
    const held = hold ? stores.hold() : undefined;
    return {
      ops,
      secrets,
      files,
      ...(directory && { directory }),
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

const folder: AdapterModule = {
  contractVersion: 1,
  open: async (options, { dataDir, clock }) => ({
    blobs: await folderBlobStore({ dir: join(dataDir, 'blobs'), clock, ...(options as object) }),
  }),
};

/** Adapters that come with the server; every other name is a package, or a path, to import. */
const ownAdapters: ReadonlyMap<string, AdapterModule> = new Map([
  ['@spacestore/adapter-sqlite', sqlite],
  ['@spacestore/blob-fs', folder],
]);

export const defaultStores: readonly AdapterConfig[] = [{ use: '@spacestore/adapter-sqlite' }, { use: '@spacestore/blob-fs' }];

export interface ComposedStores {
  readonly stores: Stores;
  readonly ready: () => Promise<void>;
  /** Undefined if the log's adapter can't tell more than reading shows. */
  readonly verify: OpenedAdapter['verify'];
  readonly release: () => Promise<void>;
}

/** Opens the adapters a configuration names. On a failure those already open are released again.
 *  Throws: invalid, unless each store is provided exactly once. */
export async function composeStores(config: Config, clock: Clock, hold = true): Promise<ComposedStores> {
  const context: AdapterContext = { dataDir: resolve(config.data ?? './data'), clock, hold };
  const opened: OpenedAdapter[] = [];
  const release = async (): Promise<void> => {
    for (const adapter of opened) await adapter.release?.();
  };
  try {
    const found = new Map<StoreName, unknown>();
    for (const { use, options = {}, provide = storeNames } of config.stores ?? defaultStores) {
      const adapter = await (await adapterNamed(use)).open(options, context);
      opened.push(adapter);
      for (const name of provide) {
        if (adapter[name] === undefined) continue;
        if (found.has(name))
          throw new StoreError('invalid', `config: ${name} is provided twice, the second time by ${use}: say which with provide`);
        found.set(name, adapter[name]);
      }
    }
    const missing = storeNames.filter((name) => !found.has(name));
    if (missing.length > 0) throw new StoreError('invalid', `config: no adapter provides ${missing.join(', ')}`);
    return {
      stores: Object.fromEntries(found) as unknown as Stores,
      ready: async () => {
        for (const adapter of opened) await adapter.ready?.();
      },
      verify: opened.find((adapter) => adapter.ops !== undefined && adapter.ops === found.get('ops'))?.verify,
      release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Found as if the configuration stood in the folder the server was started in. */
async function adapterNamed(name: string): Promise<AdapterModule> {
  const own = ownAdapters.get(name);
  if (own) return own;
  try {
    const path = createRequire(join(process.cwd(), 'config.yaml')).resolve(name);
    return adapterOf(name, (await import(pathToFileURL(path).href)) as Record<string, unknown>);
  } catch (cause) {
    if (cause instanceof StoreError) throw cause;
    throw new StoreError('invalid', `config: the adapter ${name} could not be imported: is it installed?`, { cause });
  }
}
