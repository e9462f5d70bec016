import { sqliteStores } from '@spacestore/adapter-sqlite';
import { opStoreSubject, type Subject } from '@spacestore/conformance';

/** The log store over one file a workspace. Closing it closes all it was opened with. */
const sqlite: Subject<'op-store'> = opStoreSubject({
  name: 'sqlite',
  setup: async (scope) => ({ dir: await scope.tempDir() }),
  open: ({ dir }, { clock }) => {
    const stores = sqliteStores({ dir, clock });
    return { ...stores.ops, close: stores.close };
  },
  module: import.meta.url,
  raw: ({ dir }, scope) => scope.filesUnder(dir),
  // The shared-memory index of a WAL is rebuilt from it by whoever opens the file first.
  volatile: [/-shm$/],
});

export const subjects: readonly Subject<'op-store'>[] = [sqlite];
