import { isStoreError, StoreError } from '../../errors.ts';
import type { WorkspaceId } from '../../ids.ts';
import type { PostgresAnswer, PostgresConnection, PostgresEngine, PostgresStep } from './engine.ts';

/** What holds for every transaction. Times in milliseconds. */
export interface TransactionSettings {
  readonly schema: string;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
}

/** What one transaction may touch: some workspaces, the heads of all, or what belongs to none. */
export type Binding = readonly WorkspaceId[] | 'heads of all' | 'none';

export interface TransactionOptions {
  readonly mode: 'read' | 'write';
  readonly binding: Binding;
  /** For work that takes as long as a workspace is large. */
  readonly unbounded?: boolean;
}

export interface PostgresTransaction {
  /** One round trip, the first of which begins the transaction. */
  readonly send: (steps: readonly PostgresStep[]) => Promise<readonly PostgresAnswer[]>;
  /** The last round trip: if a statement of it fails, nothing of the transaction happened; otherwise it is committed. */
  readonly finish: (steps: readonly PostgresStep[]) => Promise<readonly PostgresAnswer[]>;
}

/** The database gives up a statement by itself; so much later nobody is there to do it. */
const graceMs = 2000;

/** Runs work in one transaction. A reading one sees one snapshot and changes nothing. When this resolves, a writing one is committed and durable; when it
 *  throws, nothing of it is left, unless the error is `unavailable`: then it is unknown whether the commit came through.
 *  All settings are those of the transaction, so that a pooler between may hand each transaction to another session. */
export async function transact<Result>(
  engine: PostgresEngine,
  settings: TransactionSettings,
  options: TransactionOptions,
  work: (transaction: PostgresTransaction) => Promise<Result>,
): Promise<Result> {
  const outcome = await engine
    .use(async (connection): Promise<{ readonly result: Result } | { readonly error: unknown }> => {
      const transaction = begin(
        connection,
        opening(settings, options),
        options.unbounded ? undefined : settings.statementTimeoutMs + graceMs,
      );
      try {
        const result = await work(transaction);
        await transaction.end();
        return { result };
      } catch (error) {
        // A connection that can't even do this is closed, which rolls back as well; the first error is the one to tell.
        const isUsable = await rolledBack(connection);
        if (isUsable) return { error };
        throw error;
      }
    })
    .catch((error: unknown) => ({ error }));
  if ('error' in outcome) throw isStoreError(outcome.error) ? outcome.error : engine.storeError(outcome.error);
  return outcome.result;
}

function begin(
  connection: PostgresConnection,
  first: readonly PostgresStep[],
  eachWithinMs: number | undefined,
): PostgresTransaction & { readonly end: () => Promise<void> } {
  let pending = first;
  let isFinished = false;
  const send = async (steps: readonly PostgresStep[]): Promise<readonly PostgresAnswer[]> => {
    if (isFinished) throw new TypeError('the transaction is over');
    const before = pending;
    pending = [];
    const all = [...before, ...steps];
    const withinMs = eachWithinMs === undefined ? undefined : eachWithinMs * all.length;
    return (await connection.send(all, withinMs)).slice(before.length);
  };
  const finish: PostgresTransaction['finish'] = async (steps) => {
    const answers = await send([...steps, { sql: 'COMMIT' }]);
    isFinished = true;
    if (answers.at(-1)?.command !== 'COMMIT') throw new StoreError('unavailable', 'the database rolled the transaction back');
    return answers.slice(0, -1);
  };
  return {
    send,
    finish,
    end: async () => {
      if (!isFinished && pending.length === 0) await finish([]);
    },
  };
}

async function rolledBack(connection: PostgresConnection): Promise<boolean> {
  try {
    await connection.send([{ sql: 'ROLLBACK' }], graceMs);
    return true;
  } catch (error) {
    void error;
    return false;
  }
}

/** Every access has an index, and plans are made once a connection: what a plan assumes of a table that was empty then must not matter. */
const configure = `SELECT set_config('search_path', $1, true), set_config('spacestore.workspaces', $2, true),
 set_config('statement_timeout', $3, true), set_config('lock_timeout', $4, true), set_config('idle_in_transaction_session_timeout', $5, true),
 set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true)`;

function opening(settings: TransactionSettings, { mode, binding, unbounded }: TransactionOptions): readonly PostgresStep[] {
  const timeout = unbounded ? 0 : settings.statementTimeoutMs;
  return [
    { sql: mode === 'read' ? 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' : 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE' },
    {
      sql: configure,
      values: [settings.schema, boundText(binding), String(timeout), String(settings.lockTimeoutMs), String(timeout)],
    },
  ];
}

function boundText(binding: Binding): string {
  if (binding === 'none') return '';
  return binding === 'heads of all' ? '*' : binding.join(',');
}
