// Runs in a thread of its own: one restore, whose outcome it posts.
import { parentPort, workerData } from 'node:worker_threads';
import { toStoreError } from '@spacestore/core';
import { type RestoreJob, restoreFile } from '@spacestore/core/sql';
import { betterSqlite } from './driver.ts';
import type { RestoreOutcome } from './restore-thread.ts';

parentPort?.postMessage(outcomeOf(workerData as RestoreJob));

function outcomeOf(job: RestoreJob): RestoreOutcome {
  try {
    return { head: restoreFile(betterSqlite, job) };
  } catch (error) {
    const { code, message, context } = toStoreError(error);
    return { error: { code, message, context } };
  }
}
