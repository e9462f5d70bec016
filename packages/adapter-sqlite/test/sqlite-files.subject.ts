import { sqliteStores } from '@spacestore/adapter-sqlite';
import { fileIndexSubject, type Subject } from '@spacestore/conformance';

const files: Subject<'file-index'> = fileIndexSubject({
  name: 'sqlite-files',
  setup: async (scope) => ({ dir: await scope.tempDir() }),
  open: ({ dir }, { clock }) => {
    const stores = sqliteStores({ dir, clock });
    return { ...stores.files, close: stores.close };
  },
  module: import.meta.url,
});

export const subjects: readonly Subject<'file-index'>[] = [files];
