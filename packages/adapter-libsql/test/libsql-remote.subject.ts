import { libsqlRemoteStores } from '@spacestore/adapter-libsql';
import { opStoreSubject, type Subject, secretStoreSubject } from '@spacestore/conformance';
import { placeOn, sharedServer, untilIdle } from './hrana-server.ts';

const common = {
  setup: async () => placeOn(await sharedServer()),
  module: import.meta.url,
  isElsewhere: true,
  prepare: sharedServer,
} as const;

/** The log store on a server. Closing it closes all it was opened with. */
const logs: Subject<'op-store'> = opStoreSubject({
  ...common,
  name: 'libsql-remote',
  open: async ({ url, adminUrl, prefix }, { clock }) => {
    const stores = await libsqlRemoteStores({ url, adminUrl, prefix, clock });
    return { ...stores.ops, close: stores.close };
  },
  raw: async ({ adminUrl, dir, prefix }, scope) => {
    await untilIdle(adminUrl);
    return (await scope.filesUnder(dir)).filter(({ path }) => path.includes(`${prefix}-`));
  },
});

const secrets: Subject<'secret-store'> = secretStoreSubject({
  ...common,
  name: 'libsql-remote-secrets',
  open: async ({ url, adminUrl, prefix }, { clock }) => {
    const stores = await libsqlRemoteStores({ url, adminUrl, prefix, clock });
    return { ...stores.secrets, close: stores.close };
  },
});

export const subjects: readonly (Subject<'op-store'> | Subject<'secret-store'>)[] = [logs, secrets];
