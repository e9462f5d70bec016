import { join } from 'node:path';
import { servedStores } from '@spacestore/core/sql';
import Type from 'typebox';
import { checkOptions, exact, text, whole } from './compose-options.ts';
import type { AdapterModule } from './config/adapter-module.ts';

const name = '@spacestore/adapter-libsql';
const options = Type.Object(
  {
    dir: text,
    encryptionKey: text,
    cipher: text,
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

/** The library is loaded only where a configuration names it. */
export const libsql: AdapterModule = {
  contractVersion: 1,
  open: async (given, { dataDir, clock, hold }) => {
    checkOptions(name, options, given);
    const { libsqlStores } = await import('@spacestore/adapter-libsql');
    return servedStores(libsqlStores({ dir: join(dataDir, 'workspaces'), clock, ...(given as object) }), hold);
  },
};
