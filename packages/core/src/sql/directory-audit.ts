import { type AuditRow, auditEntryOf, auditHash, auditStartHash, nextAuditRow } from '../audit-chain.ts';
import type { AuditEntry, StoredAuditEntry } from '../contracts/directory.ts';
import type { WorkspaceId } from '../ids.ts';
import { row, rows, run, type Sql, type SqlRow } from './sql.ts';

const columns = 'sequence, at, workspace, actor, action, outcome, detail, hash';
/** Rows of the chain checked in one turn. */
const verifyBatch = 2000;

/** Adds a row to the end of the chain. */
export function* appendAudit(entry: AuditEntry, now: number): Sql<void> {
  const found = yield* row('SELECT sequence, at, hash FROM audit ORDER BY sequence DESC LIMIT 1');
  const last = found && { sequence: found[0] as number, at: found[1] as number, hash: found[2] as string };
  const added = nextAuditRow(last, entry, now);
  yield* run(`INSERT INTO audit (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, ...added, auditHash(last?.hash ?? auditStartHash, added));
}

export function* readAudit(workspace: WorkspaceId | undefined, after: number, limit: number): Sql<readonly StoredAuditEntry[]> {
  const found =
    workspace === undefined
      ? yield* rows(`SELECT ${columns} FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?`, after, limit)
      : yield* rows(`SELECT ${columns} FROM audit WHERE workspace = ? AND sequence > ? ORDER BY sequence LIMIT ?`, workspace, after, limit);
  return found.map((each) => auditEntryOf(rowOf(each), each[7] as string));
}

function rowOf(found: SqlRow): AuditRow {
  return found.slice(0, 7) as unknown as AuditRow;
}

/** Where checking the chain stands. */
export interface AuditWalk {
  readonly sequence: number;
  readonly hash: string;
  readonly broken?: number;
  readonly isDone: boolean;
}

export const auditStart: AuditWalk = { sequence: 0, hash: auditStartHash, isDone: false };

/** Some rows further; `broken` is the first that does not follow from the one before. */
export function* walkAudit({ sequence, hash }: AuditWalk): Sql<AuditWalk> {
  const found = yield* rows(`SELECT ${columns} FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ${verifyBatch}`, sequence);
  let last = sequence;
  let previous = hash;
  for (const each of found) {
    if (each[0] !== last + 1 || auditHash(previous, rowOf(each)) !== each[7]) return { sequence, hash, broken: last + 1, isDone: true };
    previous = each[7] as string;
    last++;
  }
  return { sequence: last, hash: previous, isDone: found.length < verifyBatch };
}
