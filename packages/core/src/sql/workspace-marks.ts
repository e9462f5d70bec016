import type { WorkspaceId } from '../ids.ts';
import { run, type Sql, value } from './sql.ts';

/** SQL that makes a new database this workspace's. The id is written as digits, so that none is read as SQL. */
export function ownedBy(workspace: WorkspaceId): string {
  const digits = Array.from(new TextEncoder().encode(workspace), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `INSERT INTO meta (only, workspace) VALUES (1, CAST(x'${digits}' AS TEXT))`;
}

/** Marks the database for removal inside the same transaction that finds it empty, so that nobody's commit gets lost with it. */
export function* markRemovedIfEmpty(): Sql<boolean> {
  const rowsLeft = yield* value('SELECT EXISTS (SELECT 1 FROM head) OR EXISTS (SELECT 1 FROM secret) OR EXISTS (SELECT 1 FROM file)');
  if (rowsLeft !== 0) return false;
  yield* run('UPDATE meta SET removed = 1');
  return true;
}
