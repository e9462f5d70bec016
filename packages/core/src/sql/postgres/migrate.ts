import { isStoreError, StoreError } from '../../errors.ts';
import type { PostgresConnection, PostgresEngine } from './engine.ts';
import { postgresSteps } from './schema.ts';

/** What the database must promise before anything is stored in it. */
export interface DatabaseDemands {
  readonly schema: string;
  /** Damage to what lies on the disk must be noticed by the server. */
  readonly checksums: boolean;
}

/** The schema has the newest version. Any number of servers may do this at once: one does, under an advisory lock, and the others wait.
 *  A role that may not create anything is enough where somebody else has.
 *  Throws: unsupported (made by a newer release; a database that loses what it said was safe), unavailable. */
export async function migratePostgres(engine: PostgresEngine, demands: DatabaseDemands): Promise<void> {
  try {
    await engine.use(async (connection) => {
      await demand(connection, demands);
      if ((await versionOf(connection, demands.schema)) !== postgresSteps.length) await lift(connection, demands.schema);
    });
  } catch (error) {
    throw isStoreError(error) ? error : engine.storeError(error);
  }
}

async function demand(connection: PostgresConnection, { checksums }: DatabaseDemands): Promise<void> {
  const [answer] = await connection.send([
    {
      sql: "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'), current_setting('data_checksums'), current_setting('server_encoding'), (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)",
      values: [],
    },
  ]);
  const [fsync, fullPageWrites, synchronousCommit, dataChecksums, encoding, isUnbound] = answer?.rows[0] ?? [];
  const refuse = (what: string): never => {
    throw new StoreError('unsupported', `this database would not keep what the stores promise: ${what}`);
  };
  if (fsync !== 'on') refuse('fsync is off');
  if (fullPageWrites !== 'on') refuse('full_page_writes is off');
  if (synchronousCommit === 'off') refuse('synchronous_commit is off');
  if (encoding !== 'UTF8') refuse(`its encoding is ${String(encoding)}, not UTF8`);
  if (isUnbound === 1) refuse('row-level security does not bind this user (connect as one who is no superuser and has no BYPASSRLS)');
  if (checksums && dataChecksums !== 'on') refuse('data_checksums is off (enable them, or open with checksums: false)');
}

/** 0 if there is no schema yet. Throws: unsupported if a newer release made it. */
async function versionOf(connection: PostgresConnection, schema: string): Promise<number> {
  const [there] = await connection.send([{ sql: 'SELECT to_regclass($1) IS NOT NULL', values: [`${schema}.meta`] }]);
  if (there?.rows[0]?.[0] !== 1) return 0;
  const [answer] = await connection.send([{ sql: `SELECT version FROM ${schema}.meta` }]);
  const version = Number(answer?.rows[0]?.[0] ?? 0);
  if (version > postgresSteps.length)
    throw new StoreError('unsupported', 'the database was made by a newer release: update this one', {
      context: { version, newest: postgresSteps.length },
    });
  return version;
}

/** "Spacesto" in ASCII, so that no other program locks the same by chance. */
const lockKey = '6012413571246617711';

async function lift(connection: PostgresConnection, schema: string): Promise<void> {
  await connection.send([{ sql: 'BEGIN' }]);
  await connection.send([{ sql: 'SELECT pg_advisory_xact_lock($1::bigint)', values: [lockKey] }]);
  const version = await versionOf(connection, schema);
  await connection.send([
    { sql: `CREATE SCHEMA IF NOT EXISTS ${schema}` },
    { sql: `SET LOCAL search_path TO ${schema}` },
    { sql: 'CREATE TABLE IF NOT EXISTS meta (single boolean PRIMARY KEY DEFAULT true CHECK (single), version integer NOT NULL)' },
    ...postgresSteps.slice(version).map((sql) => ({ sql })),
    {
      sql: 'INSERT INTO meta (version) VALUES ($1) ON CONFLICT (single) DO UPDATE SET version = excluded.version',
      values: [postgresSteps.length],
    },
  ]);
  await connection.send([{ sql: 'COMMIT' }]);
}
