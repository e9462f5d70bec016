import { bytesToHex } from '@noble/hashes/utils.js';
import { sha256 } from '#sha256';
import type { AuditEntry, StoredAuditEntry } from '../contracts/directory.ts';
import type { UserId, WorkspaceId } from '../ids.ts';
import { row, rows, run, type Sql, type SqlRow } from './sql.ts';

const columns = 'sequence, at, workspace, actor, action, outcome, detail, hash';
/** Rows of the chain checked in one turn. */
const verifyBatch = 2000;

/** The hash before the first row. */
const start = '0'.repeat(64);

/** Adds a row to the end of the chain. */
export function* appendAudit(entry: AuditEntry, now: number): Sql<void> {
  const last = yield* row('SELECT sequence, hash, at FROM audit ORDER BY sequence DESC LIMIT 1');
  const sequence = ((last?.[0] as number | undefined) ?? 0) + 1;
  const at = Math.max(now, (last?.[2] as number | undefined) ?? 0);
  const texts = [entry.workspace ?? null, entry.user ?? null, entry.action, entry.outcome, JSON.stringify(entry.detail)] as const;
  const hash = hashOf((last?.[1] as string | undefined) ?? start, [sequence, at, ...texts]);
  yield* run(`INSERT INTO audit (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, sequence, at, ...texts, hash);
}

/** Over the stored texts themselves, so that nothing has to be read the same way twice. */
function hashOf(previous: string, columnsBefore: readonly (string | number | null)[]): string {
  return bytesToHex(sha256(new TextEncoder().encode(JSON.stringify([previous, ...columnsBefore]))));
}

export function* readAudit(workspace: WorkspaceId | undefined, after: number, limit: number): Sql<readonly StoredAuditEntry[]> {
  const found =
    workspace === undefined
      ? yield* rows(`SELECT ${columns} FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?`, after, limit)
      : yield* rows(`SELECT ${columns} FROM audit WHERE workspace = ? AND sequence > ? ORDER BY sequence LIMIT ?`, workspace, after, limit);
  return found.map(entryOf);
}

function entryOf([sequence, at, workspace, user, action, outcome, detail, hash]: SqlRow): StoredAuditEntry {
  return {
    sequence: sequence as number,
    at: at as number,
    ...(workspace === null ? {} : { workspace: workspace as WorkspaceId }),
    ...(user === null ? {} : { user: user as UserId }),
    action: action as string,
    outcome: outcome as AuditEntry['outcome'],
    detail: JSON.parse(detail as string) as AuditEntry['detail'],
    hash: hash as string,
  };
}

/** Where checking the chain stands. */
export interface AuditWalk {
  readonly sequence: number;
  readonly hash: string;
  readonly broken?: number;
  readonly isDone: boolean;
}

export const auditStart: AuditWalk = { sequence: 0, hash: start, isDone: false };

/** Some rows further; `broken` is the first that does not follow from the one before. */
export function* walkAudit({ sequence, hash }: AuditWalk): Sql<AuditWalk> {
  const found = yield* rows(`SELECT ${columns} FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ${verifyBatch}`, sequence);
  let expected = sequence + 1;
  let previous = hash;
  for (const columnsOfRow of found) {
    const stored = columnsOfRow[7] as string;
    const before = columnsOfRow.slice(0, 7) as (string | number | null)[];
    if (columnsOfRow[0] !== expected || hashOf(previous, before) !== stored) return { sequence, hash, broken: expected, isDone: true };
    previous = stored;
    expected++;
  }
  return { sequence: expected - 1, hash: previous, isDone: found.length < verifyBatch };
}
