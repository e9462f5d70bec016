import { randomBytes } from 'node:crypto';
import { StoreError } from '@spacestore/core';
import { type RemoteStoreSettings, type RemoteStores, remoteSqliteStores } from '@spacestore/core/sql';
import { hranaEngine } from './hrana-engine.ts';

export interface LibsqlRemoteOptions extends RemoteStoreSettings {
  /** Address of a database on the server, in which `{database}` stands for its name: `http://127.0.0.1:8080/dev/{database}`, or
   *  `libsql://{database}.db.example.org`. */
  readonly url: string;
  readonly authToken?: string;
  /** Address of the server's admin interface, which makes and removes databases. */
  readonly adminUrl: string;
  readonly adminToken?: string;
  /** What names of databases begin with: one for each set of stores that share a server. Lower-case letters and digits. `spacestore`. */
  readonly prefix?: string;
  /** How long one request may take. 10,000 ms. */
  readonly requestTimeoutMs?: number;
}

/** Stores on a libSQL server, a database for each workspace. Throws: invalid (url, prefix), unavailable, denied. */
export async function libsqlRemoteStores({
  url,
  authToken,
  adminUrl,
  adminToken,
  prefix = 'spacestore',
  requestTimeoutMs = 10_000,
  ...settings
}: LibsqlRemoteOptions): Promise<RemoteStores> {
  if (!/^(libsql|https?):/.test(url) || !url.includes('{database}'))
    throw new StoreError('invalid', 'the url is libsql:, https: or http:, and has {database} where the name of a database goes');
  if (!/^[a-z][a-z0-9]{0,15}$/.test(prefix)) throw new StoreError('invalid', 'the prefix is up to 16 lower-case letters and digits');
  const engine = hranaEngine({ url, authToken, adminUrl, adminToken, timeoutMs: requestTimeoutMs });
  const names = {
    catalogue: `${prefix}-catalogue`,
    directory: `${prefix}-directory`,
    // Readable for people, unique by what follows, and short enough for a part of a host's name.
    fresh: (workspace: string) => `${prefix}-${workspace.replaceAll('_', '-').slice(0, 20)}-${randomBytes(12).toString('hex')}`,
  };
  return remoteSqliteStores(engine, names, (run) => void setImmediate(run), settings);
}
