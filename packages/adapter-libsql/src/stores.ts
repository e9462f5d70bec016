import { StoreError } from '@spacestore/core';
import { type SqliteStoreSettings, type SqliteStores, sqliteFileStores } from '@spacestore/core/sql';
import { nodeFolder } from '@spacestore/core/sql/folder';
import { libsqlEngine } from './driver.ts';

export interface LibsqlOptions extends SqliteStoreSettings {
  /** The folder of the database files; made if it is not there. */
  readonly dir: string;
  /** Encrypts every file. One that was written with another key, or without, is `corrupt`, and stays as it is. */
  readonly encryptionKey?: string;
  /** How: `aes256cbc`, the one there is. */
  readonly cipher?: string;
}

/** Those of libSQL itself. */
const ciphers: readonly string[] = ['aes256cbc'];

/** Stores in libSQL files, one for each workspace. Throws: invalid (cipher), unavailable if the folder can't be used. */
export function libsqlStores({ dir, encryptionKey, cipher = 'aes256cbc', ...settings }: LibsqlOptions): SqliteStores {
  if (!ciphers.includes(cipher)) throw new StoreError('invalid', `the cipher is none of ${ciphers.join(', ')}`);
  const engine = libsqlEngine(encryptionKey === undefined ? {} : { encryptionKey, encryptionCipher: cipher });
  const stores = sqliteFileStores(engine, nodeFolder(dir), (run) => void setImmediate(run), settings);
  return {
    ...stores,
    close: async () => {
      await stores.close();
      await engine.settle();
    },
  };
}
