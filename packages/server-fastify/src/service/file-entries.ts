import { type BlobKey, type CallOptions, type FileEntry, hasCode, StoreError, type WorkspaceId } from '@spacestore/core';
import { differenceOf, type FileQuota, heldBy, noUsage, type Reservation } from './file-quota.ts';
import { keyTurns } from './key-turns.ts';
import type { ServiceParts } from './stores.ts';

/** What an entry is to become; `before` itself for no change. */
export type Decide = (before: FileEntry | undefined) => FileEntry | undefined | Promise<FileEntry | undefined>;

/** Moves entries of the file index from state to state, and the quota they hold along with them. Any number of servers may do so at once: each
 *  step is a compare-and-set of the index, decided again where somebody was faster. */
export interface FileEntries {
  /** The entry that is there after it. With a reservation, what the entry gains is taken from that, and the rest of it given back; without, from the
   *  quota. `decide` may run more than once. Throws: quota; busy, if others change it all the time; what `decide` throws. */
  readonly change: (
    workspace: WorkspaceId,
    key: BlobKey,
    decide: Decide,
    room?: Reservation,
    call?: CallOptions,
  ) => Promise<FileEntry | undefined>;
}

const maxTries = 8;

export function fileEntries({ files: index, quota }: Pick<ServiceParts, 'files'> & { readonly quota: FileQuota }): FileEntries {
  const inTurn = keyTurns(); // those of one process need not compete

  /** Room is taken before it is used and given back after it was: a crash in between leaves too much taken, never too little. */
  const replace = async (
    workspace: WorkspaceId,
    key: BlobKey,
    before: FileEntry | undefined,
    after: FileEntry | undefined,
    room: Reservation | undefined,
    call?: CallOptions,
  ): Promise<void> => {
    const delta = differenceOf(heldBy(after), heldBy(before));
    if (room) {
      await index.replace(workspace, key, before, after, call);
      return room.settle(delta);
    }
    const more = { fileBytes: Math.max(0, delta.fileBytes), files: Math.max(0, delta.files) };
    const taken = more.fileBytes > 0 || more.files > 0 ? await quota.reserve(workspace, more, call) : undefined;
    try {
      await index.replace(workspace, key, before, after, call);
    } catch (error) {
      await taken?.settle(noUsage);
      throw error;
    }
    if (taken) await taken.settle(delta);
    else await quota.book(workspace, delta);
  };

  return {
    change: (workspace, key, decide, room, call) =>
      inTurn(`${workspace}/${key}`, async () => {
        for (let tries = 1; tries <= maxTries; tries++) {
          const before = await index.get(workspace, key, call);
          const after = await decide(before);
          try {
            if (after === before) await room?.settle(noUsage);
            else await replace(workspace, key, before, after, room, call);
            return after;
          } catch (error) {
            if (!hasCode(error, 'conflict')) throw error;
          }
        }
        throw new StoreError('busy', 'the file is changed by others all the time', { context: { key } });
      }),
  };
}
