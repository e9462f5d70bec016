import { stat } from 'node:fs/promises';
import { StoreError, systemClock, type WorkspaceId } from '@spacestore/core';
import { loadConfig } from '../compose.ts';
import { composeStores } from '../compose-adapters.ts';
import { composeKeys } from '../compose-keys.ts';
import { composeLayers, defaultTimeoutMs } from '../compose-layers.ts';
import type { Config } from '../config/config.ts';
import { serviceEvents } from '../events.ts';
import { defaultLimits } from '../limits.ts';
import { createMetrics } from '../metrics.ts';
import type { Stores } from '../service/stores.ts';
import { createServices } from '../services.ts';

/** One end of a copy: the stores of a configuration with all layers, without a server. */
export interface CopyPlace {
  readonly stores: Stores;
  readonly recount: (workspace: WorkspaceId) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** `where` is a configuration file, or a data folder. Throws: busy, if it is to be held and a server holds it. */
export async function copyPlace(where: string, use: { readonly hold: boolean; readonly makeKeys: boolean }): Promise<CopyPlace> {
  const config: Config = (await isFolder(where, use.makeKeys)) ? { data: where } : await loadConfig(where);
  const keys = await composeKeys(config, use.makeKeys ? undefined : 'look');
  const { stores, release } = await composeStores(config, systemClock, use.hold);
  const metrics = createMetrics();
  const layered = composeLayers(stores, { timeoutMs: config.timeoutMs ?? defaultTimeoutMs, keys, metrics });
  const limits = { ...defaultLimits, ...config.limits };
  const services = createServices({ ...layered, clock: systemClock, limits, events: serviceEvents(), keys });
  return {
    stores: layered,
    recount: async (workspace) => {
      await services.pending.recount(workspace);
    },
    close: async () => {
      metrics.close();
      await Promise.all([layered.ops.close(), layered.blobs.close(), layered.files.close(), layered.secrets.close()]);
      await layered.directory.close();
      await release();
    },
  };
}

/** A folder that is not there yet may be one to copy into, if its name is not that of a file. */
async function isFolder(path: string, mayBeMade: boolean): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found && !mayBeMade) throw new StoreError('invalid', `there is neither a configuration file nor a data folder ${path}`);
  return found ? found.isDirectory() : mayBeMade && !/\.(ya?ml|json)$/.test(path);
}
