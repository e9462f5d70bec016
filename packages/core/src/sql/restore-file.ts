import type { Head } from '../contracts/op-store.ts';
import { StoreError } from '../errors.ts';
import { type HeadRow, headCursor, newIncarnation, publicHead, readHead, writeHead } from './log/log-head.ts';
import { run, type Sql, value } from './sql.ts';
import type { SqliteEngine } from './sqlite-engine.ts';
import { closeQuietly, openSqliteFile, TransactionFailed, transact } from './sqlite-file.ts';
import { workspaceSchema, workspaceTables } from './workspace-schema.ts';

/** Plain values: it crosses threads. */
export interface RestoreJob {
  /** Of the workspace's file, and of the one whose rows it gets. */
  readonly path: string;
  readonly incoming: string;
  readonly busyTimeoutMs: number;
}

/** Carries a restore out: somewhere where it holds up nobody, since it takes as long as the workspace is large. */
export type RestoreFile = (job: RestoreJob) => Promise<Head>;

/** Replaces a workspace by the rows of another file of its kind, in one transaction over a handle of its own: a crash leaves the old state or the new one.
 *  Holds the turn until it is done. Throws: busy, unavailable, corrupt. */
export function restoreFile(engine: SqliteEngine, { path, incoming, busyTimeoutMs }: RestoreJob): Head {
  const file = openSqliteFile(engine, path, workspaceSchema, { busyTimeoutMs });
  try {
    file.handle.run('ATTACH DATABASE ? AS incoming', [incoming]);
    const head = transact(engine, file, 'BEGIN IMMEDIATE', copyIn);
    // All of it stands in the write-ahead log now; whoever commits next would carry it over, in its own time. Readers may keep it from that.
    file.handle.rows('PRAGMA wal_checkpoint(TRUNCATE)', []);
    return head;
  } catch (failure) {
    throw failure instanceof TransactionFailed ? failure.error : engine.storeError(failure);
  } finally {
    closeQuietly(file.handle);
  }
}

function* copyIn(): Sql<Head> {
  if ((yield* value('SELECT removed FROM main.meta')) !== 0) throw new StoreError('unavailable', 'the workspace was removed meanwhile');
  const present = yield* readHead();
  for (const table of workspaceTables.toReversed()) yield* run(`DELETE FROM main.${table}`);
  for (const table of workspaceTables) yield* run(`INSERT INTO main.${table} SELECT * FROM incoming.${table}`);
  yield* run('UPDATE main.meta SET has_log = 1');
  const restored = (yield* readHead()) as HeadRow;
  const head: HeadRow = {
    ...restored,
    incarnation: newIncarnation(),
    lineage: [{ incarnation: restored.incarnation, forkedAt: headCursor(restored) }, ...restored.lineage],
    epoch: Math.max(restored.epoch, present?.epoch ?? 0),
  };
  yield* writeHead(head);
  return publicHead(head);
}
