import { sqliteStores } from '@spacestore/adapter-sqlite';
import { outboxSubject, type Subject } from '@spacestore/conformance';

const sqlite: Subject<'outbox'> = outboxSubject({
  name: 'sqlite-outbox',
  setup: async (scope) => ({ dir: await scope.tempDir() }),
  open: ({ dir }, { clock }) => {
    const stores = sqliteStores({ dir, clock });
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

export const subjects: readonly Subject<'outbox'>[] = [sqlite];
