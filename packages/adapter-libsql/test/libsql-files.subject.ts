import { libsqlStores } from '@spacestore/adapter-libsql';
import { fileIndexSubject, type Subject } from '@spacestore/conformance';

const files: Subject<'file-index'> = fileIndexSubject({
  name: 'libsql-files',
  setup: async (scope) => ({ dir: await scope.tempDir() }),
  open: ({ dir }, { clock }) => {
    const stores = libsqlStores({ dir, clock });
    return { ...stores.files, close: stores.close };
  },
  module: import.meta.url,
});

export const subjects: readonly Subject<'file-index'>[] = [files];
