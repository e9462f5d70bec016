import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type Head, StoreError, type StoreErrorCode, type StoreErrorContext } from '@spacestore/core';
import type { RestoreJob } from '@spacestore/core/sql';

/** What the thread posts: an error loses its class on the way. */
export type RestoreOutcome =
  | { readonly head: Head }
  | { readonly error: { readonly code: StoreErrorCode; readonly message: string; readonly context: StoreErrorContext } };

/** Restores in a thread of its own, since better-sqlite3 holds the one that calls it: a million records take more than a second. */
export async function restoreInThread(job: RestoreJob): Promise<Head> {
  const source = new URL('./restore-worker.ts', import.meta.url);
  const isSource = existsSync(fileURLToPath(source));
  const program = isSource ? source : new URL('./restore-worker.js', import.meta.url);
  const worker = new Worker(program, { workerData: job, ...(isSource && { execArgv: ['--conditions=@spacestore/source'] }) });
  const outcome = await new Promise<RestoreOutcome>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', (cause) => reject(new StoreError('unavailable', 'the restore broke off', { cause })));
    worker.once('exit', (code) => reject(new StoreError('unavailable', 'the restore broke off', { context: { code } })));
  });
  if ('head' in outcome) return outcome.head;
  const { code, message, context } = outcome.error;
  throw new StoreError(code, message, { context });
}
