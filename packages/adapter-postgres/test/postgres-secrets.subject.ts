import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { postgresStores } from '@spacestore/adapter-postgres';
import { type RawCells, type Subject, type SubjectOptions, secretStoreSubject } from '@spacestore/conformance';
import type { Clock, SecretStore } from '@spacestore/core';
import { keyRing, seal } from '@spacestore/core/layers';
import { asAdmin, newDatabase, sharedServer } from './support/server.ts';

type At = { readonly url: string };

/** The secrets of a database. Closing them closes all they were opened with. */
const secretsIn = (url: string, clock: Clock): SecretStore => {
  const stores = postgresStores({ url, clock });
  return { ...stores.secrets, close: stores.close };
};

const sealedWith =
  (key: number): SubjectOptions<'secret-store', At>['open'] =>
  ({ url }, { clock }) =>
    seal({ keys: keyRing([Uint8Array.from({ length: 32 }, (_, i) => (i * 7 + key) % 256)]) })(secretsIn(url, clock));

/** The address of the database for a superuser, whom row-level security does not bind. */
const adminOf = async (url: string): Promise<string> => (await sharedServer()).replace(/\/[^/?]*(\?.*)?$/, `/${url.split('/').at(-1)}`);

const cellsOf = (url: string): RawCells => ({
  read: async () =>
    asAdmin(await adminOf(url), async (client) => {
      const { rows } = await client.query<{ workspace: string; name: string; value: Buffer }>(
        'SELECT workspace, name, value FROM spacestore.secret WHERE value IS NOT NULL',
      );
      return new Map(rows.map(({ workspace, name, value }) => [`${workspace}/${name}`, new Uint8Array(value)]));
    }),
  write: async (cell, bytes) => {
    const [workspace, name] = cell.split('/');
    await asAdmin(await adminOf(url), async (client) => {
      await client.query('UPDATE spacestore.secret SET value = $1 WHERE workspace = $2 AND name = $3', [
        Buffer.from(bytes),
        workspace,
        name,
      ]);
    });
  },
});

/** All of the server's files, write-ahead log and all, as they are after everything was written out. Only a server of this machine has them. */
async function serverFiles() {
  const dir = await asAdmin(await sharedServer(), async (client) => {
    await client.query('CHECKPOINT');
    return (await client.query<{ dir: string }>("SELECT current_setting('data_directory') AS dir")).rows[0]?.dir ?? '';
  });
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      try {
        return [{ path, bytes: new Uint8Array(readFileSync(path)) }];
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []; // removed by the server meanwhile
        throw error;
      }
    });
}

const common: Omit<SubjectOptions<'secret-store', At>, 'name' | 'open'> = {
  setup: async (scope) => ({ url: await newDatabase(scope.after) }),
  module: import.meta.url,
  isElsewhere: true,
  ...(process.env.SPACESTORE_TEST_POSTGRES_URL === undefined && { raw: serverFiles }),
};

const plain: Subject<'secret-store'> = secretStoreSubject({
  ...common,
  name: 'postgres-secrets',
  open: ({ url }, { clock }) => secretsIn(url, clock),
});

const sealed: Subject<'secret-store'> = secretStoreSubject({
  ...common,
  name: 'postgres-secrets-sealed',
  open: sealedWith(1),
  wrongKey: sealedWith(2),
  cells: ({ url }) => cellsOf(url),
});

export const subjects: readonly Subject<'secret-store'>[] = [plain, sealed];
