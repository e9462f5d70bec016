import { libsqlStores } from '@spacestore/adapter-libsql';
import { opStoreSubject, type Subject, type SubjectOptions } from '@spacestore/conformance';
import { decryptedFiles } from './decrypted.ts';

const key = 'a key of some length';

type At = { readonly dir: string };

const common: Omit<SubjectOptions<'op-store', At>, 'name' | 'open'> = {
  setup: async (scope) => ({ dir: await scope.tempDir() }),
  module: import.meta.url,
  raw: ({ dir }, scope) => scope.filesUnder(dir),
  // The shared-memory index of a WAL is rebuilt from it by whoever opens the file first.
  volatile: [/-shm$/],
};

/** The log store over one file a workspace. Closing it closes all it was opened with. */
const openedWith =
  (encryptionKey?: string): SubjectOptions<'op-store', At>['open'] =>
  ({ dir }, { clock }) => {
    const stores = libsqlStores({ dir, clock, ...(encryptionKey !== undefined && { encryptionKey }) });
    return { ...stores.ops, close: stores.close };
  };

const plain: Subject<'op-store'> = opStoreSubject({ ...common, name: 'libsql', open: openedWith() });
const encrypted: Subject<'op-store'> = opStoreSubject({
  ...common,
  name: 'libsql-encrypted',
  open: openedWith(key),
  readable: ({ dir }, scope) => decryptedFiles(dir, key, scope),
});

export const subjects: readonly Subject<'op-store'>[] = [plain, encrypted];
