import { type Directory, toStoreError, type UserId, type WorkspaceId } from '@spacestore/core';
import { LRUCache } from 'lru-cache';
import type { ServiceParts } from './stores.ts';

/** Writes refused attempts to the audit, at most so many a minute and user; what was left out is counted in the next one. */
export interface Refusals {
  readonly record: (attempt: {
    readonly workspace?: WorkspaceId;
    readonly user: UserId;
    readonly action: string;
    readonly code: string;
    readonly detail?: Readonly<Record<string, unknown>>;
  }) => Promise<void>;
  /** Rows that could not be written: the refusal itself stands, the operator sees it in the metrics. */
  readonly failures: () => number;
}

const minuteMs = 60_000;

export function refusals({
  directory,
  clock,
  limits,
}: Pick<ServiceParts, 'clock' | 'limits'> & { readonly directory: Directory }): Refusals {
  const windows = new LRUCache<UserId, { readonly from: number; written: number; left: number }>({ max: 10_000 });
  let failed = 0;
  return {
    record: async ({ workspace, user, action, code, detail }) => {
      const now = clock.now();
      let window = windows.get(user);
      const suppressed = window?.left ?? 0;
      if (window === undefined || now - window.from >= minuteMs) {
        window = { from: now, written: 0, left: suppressed };
        windows.set(user, window);
      }
      if (window.written >= limits.auditedRefusalsPerMinute) {
        window.left++;
        return;
      }
      window.written++;
      window.left = 0;
      try {
        await directory.audit({
          ...(workspace && { workspace }),
          user,
          action,
          outcome: 'refused',
          detail: { code, ...detail, ...(suppressed > 0 && { suppressed }) },
        });
      } catch (error) {
        // The caller must see why they were refused, not that the audit is down.
        failed += toStoreError(error).code === 'closed' ? 0 : 1;
      }
    },
    failures: () => failed,
  };
}
