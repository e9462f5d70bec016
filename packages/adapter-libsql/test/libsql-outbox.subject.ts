import { libsqlStores } from '@spacestore/adapter-libsql';
import { outboxSubject, type Subject } from '@spacestore/conformance';

const libsql: Subject<'outbox'> = outboxSubject({
  name: 'libsql-outbox',
  setup: async (scope) => ({ dir: await scope.tempDir() }),
  open: ({ dir }, { clock }) => {
    const stores = libsqlStores({ dir, clock });
    const outbox = stores.outbox();
    return {
      ...outbox,
      close: async () => {
        await outbox.close();
        await stores.close();
      },
    };
  },
  module: import.meta.url,
  claims: ['durable'],
});

export const subjects: readonly Subject<'outbox'>[] = [libsql];
