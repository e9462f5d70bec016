import { join } from 'node:path';
import type { LibsqlRemoteOptions } from '@spacestore/adapter-libsql';
import { servedStores } from '@spacestore/core/sql';
import Type from 'typebox';
import { checkOptions, exact, text, whole } from './compose-options.ts';
import type { AdapterModule } from './config/adapter-module.ts';

const name = '@spacestore/adapter-libsql';
const limits = { maxBodyBytes: whole, maxCallRecords: whole, maxSecretBytes: whole };
const fileOptions = Type.Object(
  {
    dir: text,
    encryptionKey: text,
    cipher: text,
    maxOpenFiles: whole,
    busyTimeoutMs: whole,
    fullRetryMs: whole,
    maxSnapshotBytes: whole,
    ...limits,
  },
  exact,
);
const remoteOptions = Type.Object(
  {
    url: Type.String({ minLength: 1 }),
    authToken: text,
    adminUrl: Type.String({ minLength: 1 }),
    adminToken: text,
    prefix: text,
    requestTimeoutMs: whole,
    ...limits,
  },
  exact,
);

/** Files of this machine, or a server if the options have a `url`. The library is loaded only where a configuration names it. */
export const libsql: AdapterModule = {
  contractVersion: 1,
  open: async (given, { dataDir, clock, hold }) => {
    const isRemote = given.url !== undefined;
    checkOptions(name, isRemote ? remoteOptions : fileOptions, given);
    const { libsqlRemoteStores, libsqlStores } = await import('@spacestore/adapter-libsql');
    if (!isRemote) return servedStores(libsqlStores({ dir: join(dataDir, 'workspaces'), clock, ...(given as object) }), hold);
    const { ops, secrets, files, directory, ready, verifyWorkspace, close } = await libsqlRemoteStores({
      clock,
      ...(given as unknown as LibsqlRemoteOptions),
    });
    return { ops, secrets, files, directory, ready, verify: verifyWorkspace, release: close };
  },
};
