import { statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ChangeHints, type Clock, StoreError } from '@spacestore/core';
import { ownAdapters } from './compose-own-adapters.ts';
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

export const defaultStores: readonly AdapterConfig[] = [{ use: '@spacestore/adapter-sqlite' }, { use: '@spacestore/blob-fs' }];

export interface ComposedStores {
  readonly stores: Stores;
  /** Of the log's adapter. */
  readonly hints: ChangeHints | undefined;
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
    const log = opened.find((adapter) => adapter.ops !== undefined && adapter.ops === found.get('ops'));
    return {
      stores: Object.fromEntries(found) as unknown as Stores,
      ready: async () => {
        for (const adapter of opened) await adapter.ready?.();
        await checkRoom(context.dataDir);
      },
      hints: log?.hints,
      verify: log?.verify,
      release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Less free space than this, and the server says it is not ready while writing still works. */
const leastFreeBytes = 64 * 1024 * 1024;

async function checkRoom(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < leastFreeBytes) throw new StoreError('unavailable', 'the disk of the data folder is nearly full');
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
