import type { CallOptions, Directory, ListQuery, Page, StoredAuditEntry } from '@spacestore/core';
import type { Gate } from './gate.ts';
import type { Grant } from './grant.ts';

/** Who did what in a workspace, and who was refused. */
export interface AuditTrail {
  /** Newest last. */
  readonly page: (grant: Grant, query: ListQuery, call?: CallOptions) => Promise<Page<StoredAuditEntry>>;
  /** The sequence number of the first row of the whole trail that was changed or removed afterwards; undefined if none was. */
  readonly verify: (grant: Grant, call?: CallOptions) => Promise<number | undefined>;
}

export function auditTrail({ directory, gate }: { readonly directory: Directory; readonly gate: Gate }): AuditTrail {
  return {
    page: async (grant, query, call) => {
      await gate.require(grant, 'audit.read');
      return directory.auditLog({ ...query, limit: Math.min(query.limit, 1000), workspace: grant.workspace }, call);
    },
    verify: async (grant, call) => {
      await gate.require(grant, 'audit.read');
      return directory.verifyAudit(call);
    },
  };
}
