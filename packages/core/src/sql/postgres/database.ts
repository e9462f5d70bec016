import { StoreError } from '../../errors.ts';
import type { WorkspaceId } from '../../ids.ts';
import type { SqlDatabase, SqlWork, SqlWorkspaces } from '../database.ts';
import { runLater, type SqlStep } from '../sql.ts';
import type { PostgresEngine, PostgresStep } from './engine.ts';
import { migratePostgres } from './migrate.ts';
import { type PostgresTransaction, type TransactionOptions, type TransactionSettings, transact } from './transaction.ts';

export interface PostgresDatabaseOptions extends TransactionSettings {
  /** Demands that the server notices damage to what lies on its disk. */
  readonly checksums: boolean;
}

/** A database that has its tables, at the latest when the first transaction begins. */
export interface PostgresDatabase {
  readonly transact: <Result>(options: TransactionOptions, work: (transaction: PostgresTransaction) => Promise<Result>) => Promise<Result>;
}

/** Throws: invalid, if the schema's name is none. */
export function postgresDatabase(engine: PostgresEngine, options: PostgresDatabaseOptions): PostgresDatabase {
  if (!/^[a-z][a-z0-9_]{0,39}$/.test(options.schema))
    throw new StoreError('invalid', 'a schema is named by up to 40 lower-case letters, digits and underscores');
  let migrated: Promise<void> | undefined;
  const ready = (): Promise<void> => {
    migrated ??= migratePostgres(engine, options).catch((error: unknown) => {
      migrated = undefined; // to be tried again by whoever comes next
      throw error;
    });
    return migrated;
  };
  return {
    transact: async (transactionOptions, work) => {
      await ready();
      return transact(engine, options, transactionOptions, work);
    },
  };
}

/** The part of the database that belongs to one workspace each, for stores whose statements have the workspace as `$1`. */
export function sharedWorkspaces(database: PostgresDatabase): SqlWorkspaces {
  const run = <Result>(mode: 'read' | 'write', workspace: WorkspaceId, work: SqlWork<Result>): Promise<Result> =>
    database.transact({ mode, binding: [workspace] }, async (transaction) => {
      if (mode === 'write') await transaction.send([lockSideStores(workspace)]);
      return runLater(work({ version: 0 }), async (step) => answerOf(transaction, step, [workspace, ...step.values]));
    });
  return {
    read: (workspace, work) => run('read', workspace, work),
    write: (workspace, _, work) => run('write', workspace, work),
    list: async () => {
      throw new TypeError('nobody lists shared workspaces this way');
    },
    tidy: async () => undefined,
    release: async () => undefined,
  };
}

/** The part that belongs to none, for statements with `?` parameters. */
export function sharedDatabase(database: PostgresDatabase): SqlDatabase {
  const numbered = numberedTexts();
  const run = <Result>(mode: 'read' | 'write', work: SqlWork<Result>): Promise<Result> =>
    database.transact({ mode, binding: 'none' }, async (transaction) => {
      if (mode === 'write') await transaction.send([lockDirectory]);
      return runLater(work({ version: 0 }), async (step) => answerOf(transaction, { ...step, sql: numbered(step.sql) }, step.values));
    });
  return {
    read: (work) => run('read', work),
    write: (work) => run('write', work),
    close: async () => undefined,
  };
}

/** Writers of one workspace's secrets and files go one by one, as they would in a file of its own; those of the directory as well, which has one audit chain. */
function lockSideStores(workspace: WorkspaceId): PostgresStep {
  return { sql: "SELECT pg_advisory_xact_lock(hashtextextended('spacestore:' || $1, 0))", values: [workspace] };
}
const lockDirectory: PostgresStep = { sql: 'SELECT pg_advisory_xact_lock(6012413571246617712)', values: [] };

async function answerOf(
  transaction: PostgresTransaction,
  { kind, sql }: SqlStep,
  values: SqlStep['values'],
): Promise<ReturnType<typeof rowsOrCount>> {
  const [answer] = await transaction.send([{ sql, values }]);
  return rowsOrCount(kind, answer);
}

function rowsOrCount(kind: SqlStep['kind'], answer: Awaited<ReturnType<PostgresTransaction['send']>>[number] | undefined) {
  return kind === 'rows' ? (answer?.rows ?? []) : (answer?.changed ?? 0);
}

/** `?` becomes `$1`, `$2`, …: our texts have no other question marks. */
function numberedTexts(): (sql: string) => string {
  const known = new Map<string, string>();
  return (sql) => {
    let text = known.get(sql);
    if (text === undefined) {
      let n = 0;
      text = sql.replace(/\?/g, () => `$${++n}`);
      known.set(sql, text);
    }
    return text;
  };
}
