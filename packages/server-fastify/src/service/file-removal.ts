import { type BlobKey, type CallOptions, type FileEntry, hasCode } from '@spacestore/core';
import type { FileEntries } from './file-entries.ts';
import type { Grant } from './grant.ts';
import type { ServiceParts } from './stores.ts';

export interface FileRemoval {
  /** The file is gone, entry and bytes; false if there was none. With `only`, an entry that is another one by then stays, and it is false.
   *  Throws: conflict, if the blob has another version than `ifMatch`; the file stays then. */
  readonly remove: (
    grant: Pick<Grant, 'workspace' | 'entry'>,
    key: BlobKey,
    options?: { readonly ifMatch?: string; readonly only?: FileEntry },
    call?: CallOptions,
  ) => Promise<boolean>;
}

export interface FileRemovalParts extends Pick<ServiceParts, 'blobs' | 'files' | 'clock'> {
  readonly entries: FileEntries;
}

/** A removal that nobody has ended for so long was left behind by a crash. No store call takes so long with all its retries. */
const abandonedMs = 10 * 60 * 1000;

/** First the entry says `deleting`, then the bytes go, then the entry. Who uploads the same file meanwhile is told to come again; a crash leaves an
 *  entry that says what is left to do, never a file that is listed without its bytes. */
export function fileRemoval(parts: FileRemovalParts): FileRemoval {
  const { blobs, entries, clock } = parts;
  return {
    remove: async ({ workspace, entry: { blobRoot } }, key, { only, ...options } = {}, call) => {
      let removed: FileEntry | undefined;
      await entries.change(
        workspace,
        key,
        (before) => {
          removed = undefined;
          if (!before || (only && !isSame(before, only))) return before;
          removed = before;
          return { ...before, createdAt: clock.now(), state: 'deleting' };
        },
        undefined,
        call,
      );
      if (!removed) return false;
      try {
        await blobs.delete(blobRoot, key, options, call);
      } catch (error) {
        // Only a conflict says for sure that the bytes are there.
        if (hasCode(error, 'conflict')) {
          const back = removed;
          await entries.change(workspace, key, (now) => (now?.state === 'deleting' ? back : now));
        }
        throw error;
      }
      await entries.change(workspace, key, (now) => (now?.state === 'deleting' ? undefined : now));
      return true;
    },
  };
}

/** Ends a removal that a crash cut off. */
export async function endRemoval(
  { blobs, files, entries, clock }: FileRemovalParts,
  { workspace, entry: { blobRoot } }: Pick<Grant, 'workspace' | 'entry'>,
  key: BlobKey,
  call?: CallOptions,
): Promise<void> {
  const left = await files.get(workspace, key, call);
  if (left?.state !== 'deleting' || clock.now() - left.createdAt < abandonedMs) return;
  await blobs.delete(blobRoot, key, {}, call);
  await entries.change(workspace, key, (now) => (now?.state === 'deleting' ? undefined : now), undefined, call);
}

function isSame(a: FileEntry, b: FileEntry): boolean {
  return a.state === b.state && a.createdAt === b.createdAt && a.sizeBytes === b.sizeBytes;
}
