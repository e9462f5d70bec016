import { bytesToHex } from '@noble/hashes/utils.js';
import { sha256 } from '#sha256';
import type { AuditEntry, StoredAuditEntry } from './contracts/directory.ts';

/** A row of the audit without its hash, as it is stored: `detail` is the JSON text itself, so that nothing has to be read the same way twice. */
export type AuditRow = readonly [
  sequence: number,
  at: number,
  workspace: string | null,
  user: string | null,
  action: string,
  outcome: string,
  detail: string,
];

/** The hash before the first row. */
export const auditStartHash: string = '0'.repeat(64);

/** Hex sha256 over the previous row's hash and this row. */
export function auditHash(previous: string, row: AuditRow): string {
  return bytesToHex(sha256(new TextEncoder().encode(JSON.stringify([previous, ...row]))));
}

/** The row that follows another: one number higher, never earlier. */
export function nextAuditRow(
  last: { readonly sequence: number; readonly at: number } | undefined,
  entry: AuditEntry,
  now: number,
): AuditRow {
  const { workspace, user, action, outcome, detail } = entry;
  const at = Math.max(now, last?.at ?? 0);
  return [(last?.sequence ?? 0) + 1, at, workspace ?? null, user ?? null, action, outcome, JSON.stringify(detail)];
}

export function auditEntryOf([sequence, at, workspace, user, action, outcome, detail]: AuditRow, hash: string): StoredAuditEntry {
  return {
    sequence,
    at,
    ...(workspace === null ? {} : { workspace: workspace as StoredAuditEntry['workspace'] & string }),
    ...(user === null ? {} : { user: user as StoredAuditEntry['user'] & string }),
    action,
    outcome: outcome as StoredAuditEntry['outcome'],
    detail: JSON.parse(detail) as StoredAuditEntry['detail'],
    hash,
  };
}
