import type { PostgresOptions } from '@spacestore/adapter-postgres';
import Type from 'typebox';
import { checkOptions, exact, text, whole } from './compose-options.ts';
import type { AdapterModule } from './config/adapter-module.ts';

const name = '@spacestore/adapter-postgres';
const options = Type.Object(
  {
    url: Type.String({ minLength: 1 }),
    listenUrl: text,
    schema: text,
    checksums: Type.Optional(Type.Boolean()),
    maxConnections: whole,
    connectTimeoutMs: whole,
    statementTimeoutMs: whole,
    lockTimeoutMs: whole,
    writers: whole,
    maxKnownLogs: whole,
    tempDir: text,
    maxBodyBytes: whole,
    maxCallRecords: whole,
    maxSecretBytes: whole,
    maxSnapshotBytes: whole,
  },
  exact,
);

/** Several servers may use one database: nothing is held against others. The database's client is loaded only where a configuration names it. */
export const postgres: AdapterModule = {
  contractVersion: 1,
  open: async (given, { clock }) => {
    checkOptions(name, options, given);
    const { postgresStores } = await import('@spacestore/adapter-postgres');
    const { ops, secrets, files, directory, hints, ready, verifyWorkspace, close } = postgresStores({
      clock,
      ...(given as unknown as PostgresOptions),
    });
    return { ops, secrets, files, directory, hints, ready, verify: verifyWorkspace, release: close };
  },
};
