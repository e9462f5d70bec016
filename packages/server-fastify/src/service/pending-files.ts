import { type BlobInfo, eachItem, type FileEntry, type WorkspaceEntry, type WorkspaceId } from '@spacestore/core';
import type { FileEntries } from './file-entries.ts';
import { differenceOf, type FileQuota, heldBy, noUsage } from './file-quota.ts';
import { endRemoval } from './file-removal.ts';
import type { ServiceParts } from './stores.ts';

export interface Settled {
  /** Pending entries whose bytes are there, and which count now. */
  readonly completed: number;
  /** Entries without bytes, and removals that a crash cut off: gone now. */
  readonly removed: number;
}

/** Mends what crashes and uploads that never came leave in the index, and the count of what a workspace uses. Harmless beside running uploads. */
export interface PendingFiles {
  /** Ends uploads that can't come any more, and resolves with their number. */
  readonly settleLapsed: (workspace: WorkspaceEntry) => Promise<number>;
  /** Ends all that is unfinished, lapsed or not: for when nothing else is under way. */
  readonly settleAll: (workspace: WorkspaceEntry) => Promise<Settled>;
  /** The usage in the directory is what the entries hold; resolves with the difference it had. */
  readonly recount: (workspace: WorkspaceId) => Promise<{ readonly fileBytes: number; readonly files: number }>;
}

export interface PendingFilesParts extends Pick<ServiceParts, 'blobs' | 'files' | 'directory' | 'clock' | 'limits'> {
  readonly entries: FileEntries;
  readonly quota: FileQuota;
}

/** A link may be used at its last moment, and its bytes may take their time. */
const patience = 2;
const maxTries = 10;

export function pendingFiles(parts: PendingFilesParts): PendingFiles {
  const { blobs, files: index, directory, clock, limits, entries, quota } = parts;

  const settle = async ({ id, blobRoot }: WorkspaceEntry, entry: FileEntry): Promise<keyof Settled | undefined> => {
    const info: BlobInfo | undefined = await blobs.head(blobRoot, entry.key);
    let done: keyof Settled | undefined;
    await entries.change(id, entry.key, (now) => {
      done = undefined;
      if (now?.state !== 'pending' || now.createdAt !== entry.createdAt) return now;
      done = info ? 'completed' : 'removed';
      return info && { ...now, sizeBytes: info.sizeBytes, state: 'ready' };
    });
    return done;
  };

  /** Static bytes under their key are what their hash says, whoever wrote them. */
  const settleEach = async (workspace: WorkspaceEntry, isDue: (entry: FileEntry) => boolean): Promise<Settled> => {
    const settled = { completed: 0, removed: 0 };
    for await (const entry of eachItem((query) => index.list(workspace.id, { ...query, state: 'pending' }))) {
      const done = isDue(entry) ? await settle(workspace, entry) : undefined;
      if (done) settled[done]++;
    }
    return settled;
  };

  return {
    settleLapsed: async (workspace) => {
      const { completed, removed } = await settleEach(workspace, ({ createdAt }) => createdAt + patience * limits.linkMs < clock.now());
      return completed + removed;
    },
    settleAll: async (workspace) => {
      const settled = await settleEach(workspace, () => true);
      let removals = 0;
      for await (const { key } of eachItem((query) => index.list(workspace.id, { ...query, state: 'deleting' }))) {
        await endRemoval({ ...parts, clock: { now: () => Number.MAX_SAFE_INTEGER } }, { workspace: workspace.id, entry: workspace }, key);
        removals++;
      }
      return { ...settled, removed: settled.removed + removals };
    },
    recount: async (workspace) => {
      for (let tries = 1; ; tries++) {
        const before = await directory.usage(workspace);
        let held = noUsage;
        for await (const entry of eachItem((query) => index.list(workspace, query))) {
          const { fileBytes, files } = heldBy(entry);
          held = { fileBytes: held.fileBytes + fileBytes, files: held.files + files };
        }
        const reserved = quota.reserved(workspace);
        const counted = { fileBytes: held.fileBytes + reserved.fileBytes, files: held.files + reserved.files };
        const now = await directory.usage(workspace);
        const changed = now.fileBytes !== before.fileBytes || now.files !== before.files;
        if (changed && tries < maxTries) continue; // somebody stored a file while we counted
        const wrong = differenceOf(counted, now);
        await quota.book(workspace, wrong);
        return wrong;
      }
    },
  };
}
