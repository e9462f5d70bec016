export type { RemoteStoreSettings, RemoteStores, SqliteStoreSettings, SqliteStores } from '@spacestore/core/sql';
export * from './remote-stores.ts';
export * from './stores.ts';
