import { type BlobKey, type CallOptions, type FileEntry, hasCode } from '@spacestore/core';
import type { FileEntries } from './file-entries.ts';
import type { Grant } from './grant.ts';
import type { ServiceParts } from './stores.ts';

export interface RemovalOptions {
  readonly ifMatch?: string;
  /** Only if this is still the entry; `none` for bytes without one. */
  readonly only?: FileEntry | 'none';
  /** Asked once nobody can take the file for there any more, and nothing of it has gone yet: false leaves it as it was. */
  readonly confirm?: () => Promise<boolean>;
}

export interface FileRemoval {
  /** The file is gone, entry and bytes; false if there was none, or it is not to be removed after all.
   *  Throws: conflict, if the blob has another version than `ifMatch`; the file stays then. */
  readonly remove: (
    grant: Pick<Grant, 'workspace' | 'entry'>,
    key: BlobKey,
    options?: RemovalOptions,
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
    remove: async ({ workspace, entry: { blobRoot } }, key, { only, confirm, ...options } = {}, call) => {
      let removed: FileEntry | 'none' | undefined;
      const giveBack = async (): Promise<void> => {
        const back = removed === 'none' ? undefined : removed;
        await entries.change(workspace, key, (now) => (now?.state === 'deleting' ? back : now));
      };
      await entries.change(
        workspace,
        key,
        (before) => {
          removed = undefined;
          if (only === 'none' && !before) {
            removed = 'none';
            return { key, sizeBytes: 0, createdAt: clock.now(), state: 'deleting' };
          }
          if (!before || only === 'none' || (only && !isSame(before, only))) return before;
          removed = before;
          return { ...before, createdAt: clock.now(), state: 'deleting' };
        },
        undefined,
        call,
      );
      if (!removed) return false;
      let agreed = false;
      try {
        agreed = (await confirm?.()) ?? true;
      } finally {
        if (!agreed) await giveBack();
      }
      if (!agreed) return false;
      try {
        await blobs.delete(blobRoot, key, options, call);
      } catch (error) {
        if (hasCode(error, 'conflict')) await giveBack(); // nothing else says for sure that the bytes are there
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
