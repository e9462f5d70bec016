import { type CallOptions, hasCode, StoreError, type WorkspaceEntry, type WorkspaceId } from '@spacestore/core';
import { LRUCache } from 'lru-cache';
import { noSuchWorkspace } from './grant.ts';
import type { ServiceParts } from './stores.ts';

/** Keeps every log fenced at least as high as the directory said when its workspace was looked at. */
export interface Fences {
  /** Makes a log, for a workspace about to be listed: whatever is listed has one, and if it has none, it was lost. */
  readonly prepare: (workspace: WorkspaceId, call?: CallOptions) => Promise<void>;
  /** Fences the log of a workspace that was just made; the only fence that may make a log for one that is listed. */
  readonly begin: (entry: WorkspaceEntry) => Promise<void>;
  /** After it the log refuses appends of a lower epoch. Throws: not_found if the workspace went meanwhile; corrupt if it is listed and its log is
   *  not there: a fence would bring an empty one in its place. */
  readonly ensure: (entry: WorkspaceEntry, call?: CallOptions) => Promise<void>;
  /** As `ensure`, also if this process believes to have done so already. */
  readonly renew: (entry: WorkspaceEntry, call?: CallOptions) => Promise<void>;
  /** The error for a workspace whose log is not there: it is gone as a whole, or has lost it. */
  readonly missing: (entry: WorkspaceEntry, call?: CallOptions) => Promise<StoreError>;
  readonly forget: (workspace: WorkspaceId) => void;
}

/** A fence that failed after the directory's commit is made good by the next request that sees the higher epoch. */
export function fences({ ops, directory }: Pick<ServiceParts, 'ops' | 'directory'>): Fences {
  const done = new LRUCache<WorkspaceId, { readonly createdAt: number; readonly epoch: number }>({ max: 100_000 });
  const isActive = async ({ id, createdAt }: WorkspaceEntry, call?: CallOptions): Promise<boolean> => {
    const now = await directory.get(id, call);
    return now?.state === 'active' && now.createdAt === createdAt;
  };
  const missing: Fences['missing'] = async (entry, call) => ((await isActive(entry, call)) ? logLost() : noSuchWorkspace());
  const renew = async (entry: WorkspaceEntry, call?: CallOptions): Promise<void> => {
    if (ops.capabilities.fence) {
      if ((await ops.head(entry.id, call)) === undefined) throw await missing(entry, call);
      await ops.fence(entry.id, entry.epoch, call);
      if (!(await isActive(entry, call))) {
        await dropEmpty(entry, call);
        throw noSuchWorkspace();
      }
    }
    done.set(entry.id, { createdAt: entry.createdAt, epoch: entry.epoch });
  };
  /** A fence creates the log if absent, so one that raced with a deletion brought an empty log back. Where the workspace was made again since, its
   *  log is fenced under a higher epoch and stays; one with records is never dropped here. */
  const dropEmpty = async (entry: WorkspaceEntry, call?: CallOptions): Promise<void> => {
    if ((await ops.head(entry.id, call))?.records !== 0) return;
    try {
      await ops.drop(entry.id, { ifEpoch: entry.epoch }, call);
    } catch (error) {
      if (!hasCode(error, 'denied')) throw error;
    }
  };
  return {
    prepare: async (workspace, call) => {
      if (ops.capabilities.fence) await ops.fence(workspace, 0, call);
    },
    begin: async (entry) => {
      // What was prepared may be gone: a fence for an earlier workspace of this name takes away the empty log it finds.
      if (ops.capabilities.fence) await ops.fence(entry.id, entry.epoch);
      done.set(entry.id, { createdAt: entry.createdAt, epoch: entry.epoch });
    },
    ensure: async (entry, call) => {
      const known = done.get(entry.id);
      if (known === undefined || known.createdAt !== entry.createdAt || known.epoch < entry.epoch) await renew(entry, call);
    },
    renew,
    missing,
    forget: (workspace) => void done.delete(workspace),
  };
}

/** The answer for a workspace without its log: only its owner can go on, by restoring a backup or deleting it. */
export function logLost(): StoreError {
  return new StoreError('corrupt', 'the workspace is listed, but its log is not there: restore a backup, or delete the workspace');
}
