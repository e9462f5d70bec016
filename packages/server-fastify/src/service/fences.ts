import type { CallOptions, WorkspaceEntry, WorkspaceId } from '@spacestore/core';
import { LRUCache } from 'lru-cache';
import { noSuchWorkspace } from './grant.ts';
import type { ServiceParts } from './stores.ts';

/** Keeps every log fenced at least as high as the directory said when its workspace was looked at. */
export interface Fences {
  /** After it the log refuses appends of a lower epoch. Throws: not_found if the workspace went meanwhile. */
  readonly ensure: (entry: WorkspaceEntry, call?: CallOptions) => Promise<void>;
  /** As `ensure`, also if this process believes to have done so already. */
  readonly renew: (entry: WorkspaceEntry, call?: CallOptions) => Promise<void>;
  readonly forget: (workspace: WorkspaceId) => void;
}

/** A fence that failed after the directory's commit is made good by the next request that sees the higher epoch. */
export function fences({ ops, directory }: Pick<ServiceParts, 'ops' | 'directory'>): Fences {
  const done = new LRUCache<WorkspaceId, { readonly createdAt: number; readonly epoch: number }>({ max: 100_000 });
  const renew = async (entry: WorkspaceEntry, call?: CallOptions): Promise<void> => {
    if (ops.capabilities.fence) {
      await ops.fence(entry.id, entry.epoch, call);
      await dropIfDeleted(entry, call);
    }
    done.set(entry.id, { createdAt: entry.createdAt, epoch: entry.epoch });
  };
  /** A fence creates the log if absent, so one that raced with a deletion would bring an empty log back. One with records is never dropped here. */
  const dropIfDeleted = async (entry: WorkspaceEntry, call?: CallOptions): Promise<void> => {
    const now = await directory.get(entry.id, call);
    if (now?.state === 'active') return;
    if ((await ops.head(entry.id, call))?.records === 0) await ops.drop(entry.id, call);
    throw noSuchWorkspace();
  };
  return {
    ensure: async (entry, call) => {
      const known = done.get(entry.id);
      if (known === undefined || known.createdAt !== entry.createdAt || known.epoch < entry.epoch) await renew(entry, call);
    },
    renew,
    forget: (workspace) => void done.delete(workspace),
  };
}
