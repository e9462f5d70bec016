import { postgresStores } from '@spacestore/adapter-postgres';
import { opStoreSubject, type Subject } from '@spacestore/conformance';
import { newDatabase } from './support/server.ts';

/** The log store in a database of its own. Closing it closes all it was opened with. */
const postgres: Subject<'op-store'> = opStoreSubject({
  name: 'postgres',
  setup: async (scope) => ({ url: await newDatabase(scope.after) }),
  open: ({ url }, { clock }) => {
    const stores = postgresStores({ url, clock });
    return { ...stores.ops, close: stores.close };
  },
  module: import.meta.url,
  isElsewhere: true,
});

export const subjects: readonly Subject<'op-store'>[] = [postgres];
