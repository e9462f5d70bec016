import { postgresStores } from '@spacestore/adapter-postgres';
import { fileIndexSubject, type Subject } from '@spacestore/conformance';
import { newDatabase, sharedServer } from './support/server.ts';

const files: Subject<'file-index'> = fileIndexSubject({
  name: 'postgres-files',
  prepare: sharedServer,
  setup: async (scope) => ({ url: await newDatabase(scope.after) }),
  open: ({ url }, { clock }) => {
    const stores = postgresStores({ url, clock });
    return { ...stores.files, close: stores.close };
  },
  module: import.meta.url,
  isElsewhere: true,
});

export const subjects: readonly Subject<'file-index'>[] = [files];
