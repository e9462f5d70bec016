export type { SqliteStoreSettings, SqliteStores } from '@spacestore/core/sql';
export * from './stores.ts';
