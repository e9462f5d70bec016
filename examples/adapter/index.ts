import { join } from 'node:path';
import { StoreError } from '@spacestore/core';
import type { AdapterModule } from '@spacestore/server-fastify';
import { jsonOpStore } from './json-op-store.ts';

/** What a config file reaches by `use`. */
export const spacestoreAdapter: AdapterModule = {
  contractVersion: 1,
  open: async ({ dir, ...unknown }, { dataDir, clock }) => {
    if (dir !== undefined && typeof dir !== 'string') throw new StoreError('invalid', 'json-log: dir is a text');
    if (Object.keys(unknown).length > 0) throw new StoreError('invalid', `json-log: no option ${Object.keys(unknown)[0]}`);
    return { ops: await jsonOpStore({ dir: dir ?? join(dataDir, 'json-log'), clock }) };
  },
};
