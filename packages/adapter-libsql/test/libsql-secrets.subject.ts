import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { libsqlStores } from '@spacestore/adapter-libsql';
import { type RawCells, type Subject, type SubjectOptions, secretStoreSubject } from '@spacestore/conformance';
import type { Clock, SecretStore } from '@spacestore/core';
import { keyRing, seal } from '@spacestore/core/layers';
import type { SqliteHandle } from '@spacestore/core/sql';
import { libsqlEngine } from '../src/driver.ts';

type At = { readonly dir: string };

/** The secrets of workspace files. Closing them closes all they were opened with. */
const secretsIn = (dir: string, clock: Clock): SecretStore => {
  const stores = libsqlStores({ dir, clock });
  return { ...stores.secrets, close: stores.close };
};

const sealedWith =
  (key: number): SubjectOptions<'secret-store', At>['open'] =>
  ({ dir }, { clock }) =>
    seal({ keys: keyRing([Uint8Array.from({ length: 32 }, (_, i) => (i * 7 + key) % 256)]) })(secretsIn(dir, clock));

const engine = libsqlEngine();

/** Does work on the file of each workspace, beside the store. */
function inFiles<Result>(dir: string, work: (file: SqliteHandle, workspace: string) => Result): Result[] {
  const names = readdirSync(dir).filter((name) => /^workspace-.*\.db$/.test(name));
  return names.map((name) => {
    const file = engine.open(join(dir, name), 'existing');
    try {
      return work(file, name.slice('workspace-'.length, -'.db'.length));
    } finally {
      file.close();
    }
  });
}

const cellsOf = (dir: string): RawCells => ({
  read: async () =>
    new Map(
      inFiles(dir, (file, workspace) =>
        file
          .rows('SELECT name, value FROM secret WHERE value IS NOT NULL', [])
          .map(([name, value]) => [`${workspace}/${name as string}`, value as Uint8Array] as const),
      ).flat(),
    ),
  write: async (cell, bytes) => {
    const [workspace, name] = cell.split('/') as [string, string];
    inFiles(dir, (file, each) => {
      if (each === workspace) file.run('UPDATE secret SET value = ? WHERE name = ?', [bytes, name]);
    });
  },
});

const common: Omit<SubjectOptions<'secret-store', At>, 'name' | 'open'> = {
  setup: async (scope) => ({ dir: await scope.tempDir() }),
  module: import.meta.url,
  raw: ({ dir }, scope) => scope.filesUnder(dir),
  volatile: [/-shm$/],
  claims: ['files'],
};

const plain: Subject<'secret-store'> = secretStoreSubject({
  ...common,
  name: 'libsql-secrets',
  open: ({ dir }, { clock }) => secretsIn(dir, clock),
});

const sealed: Subject<'secret-store'> = secretStoreSubject({
  ...common,
  name: 'libsql-secrets-sealed',
  open: sealedWith(1),
  wrongKey: sealedWith(2),
  cells: ({ dir }) => cellsOf(dir),
});

export const subjects: readonly Subject<'secret-store'>[] = [plain, sealed];
