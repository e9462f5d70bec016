import {
  type BlobContent,
  type BlobInfo,
  type BlobKey,
  type ByteRange,
  type CallOptions,
  type FileEntry,
  type FilePatch,
  kindOfKey,
  type Page,
  type PutOptions,
  StoreError,
  toStoreError,
} from '@spacestore/core';
import type { Activity } from './activity.ts';
import type { FileEntries } from './file-entries.ts';
import { type FileQuota, noUsage, type Reservation } from './file-quota.ts';
import { endRemoval, fileRemoval } from './file-removal.ts';
import type { Gate } from './gate.ts';
import type { Grant } from './grant.ts';
import type { ServiceParts } from './stores.ts';
import { type Upload, uploadSource } from './upload.ts';

export interface FileUpload extends Upload, Pick<PutOptions, 'ifMatch' | 'ifNoneMatch'> {
  readonly mimeType?: string;
  readonly name?: string;
}

export interface StoredFile {
  readonly entry: FileEntry;
  readonly info: BlobInfo;
}

export interface FileListing {
  readonly kind?: 'static' | 'var';
  readonly after?: string;
  readonly limit: number;
}

/** The files of a workspace: bytes in the blob store, what they are in the index. A file counts once its bytes are verified (`ready`). */
export interface Files {
  /** Stores a file whole or not at all. Throws: invalid (other bytes than the hash says), conflict, too_large, quota, aborted. */
  readonly put: (grant: Grant, key: BlobKey, upload: FileUpload, call?: CallOptions) => Promise<StoredFile>;
  /** Throws: not_found; corrupt if the index has the file and the blob store has not. */
  readonly get: (
    grant: Grant,
    key: BlobKey,
    range?: ByteRange,
    call?: CallOptions,
  ) => Promise<{ readonly entry: FileEntry; readonly content: BlobContent }>;
  readonly head: (grant: Grant, key: BlobKey, call?: CallOptions) => Promise<StoredFile>;
  readonly entry: (grant: Grant, key: BlobKey, call?: CallOptions) => Promise<FileEntry>;
  readonly patch: (grant: Grant, key: BlobKey, patch: FilePatch, call?: CallOptions) => Promise<FileEntry>;
  readonly list: (grant: Grant, listing: FileListing, call?: CallOptions) => Promise<Page<FileEntry>>;
  /** Removes a file; one that is not there is fine. Throws: conflict, if it has another version than `ifMatch`. */
  readonly delete: (grant: Grant, key: BlobKey, options?: { readonly ifMatch?: string }, call?: CallOptions) => Promise<void>;
}

export interface FilesParts extends Pick<ServiceParts, 'blobs' | 'files' | 'directory' | 'limits' | 'clock'> {
  readonly gate: Gate;
  readonly activity: Activity;
  readonly entries: FileEntries;
  readonly quota: FileQuota;
}

export const noSuchFile = (key: BlobKey): StoreError => new StoreError('not_found', 'no such file', { context: { key } });
const lostBlob = (key: BlobKey): StoreError =>
  new StoreError('corrupt', 'the file is listed, but its bytes are not there', { context: { key } });

export function files(parts: FilesParts): Files {
  const { blobs, files: index, limits, clock, gate, activity, entries, quota } = parts;
  const removal = fileRemoval(parts);
  const largest = Math.min(limits.fileBytes, blobs.capabilities.maxBlobBytes);

  const readyEntry = async (grant: Grant, key: BlobKey, call?: CallOptions): Promise<FileEntry> => {
    const entry = await index.get(grant.workspace, key, call);
    if (entry?.state !== 'ready') throw noSuchFile(key);
    return entry;
  };

  /** Says that an upload was begun. A file that is there stays visible until it is replaced; static bytes that are there may not be written again, so
   *  their entry is made new: nobody takes them for long unused from here on. */
  const announce = async (grant: Grant, key: BlobKey, upload: FileUpload, call?: CallOptions): Promise<void> => {
    await endRemoval(parts, grant, key, call);
    await entries.change(
      grant.workspace,
      key,
      (before) => {
        if (before?.state === 'deleting') throw beingRemoved(key);
        if (before) return before.state === 'ready' && kindOfKey(key) === 'static' ? { ...before, createdAt: clock.now() } : before;
        return { key, sizeBytes: 0, createdAt: clock.now(), state: 'pending', ...named(upload) };
      },
      undefined,
      call,
    );
  };

  const giveUp = async (grant: Grant, key: BlobKey): Promise<void> => {
    await entries.change(grant.workspace, key, async (before) => {
      const announced = before?.state === 'pending' && before.sizeBytes === 0;
      return announced && !(await blobs.head(grant.entry.blobRoot, key)) ? undefined : before;
    });
  };

  const put: Files['put'] = async (grant, key, upload, call) => {
    await gate.require(grant, 'append');
    if (upload.sizeBytes !== undefined && upload.sizeBytes > largest)
      throw new StoreError('too_large', 'the file is too large', { context: { sizeBytes: upload.sizeBytes, maxBytes: largest } });
    return activity.run(grant.workspace, call?.signal, async (signal) => {
      const room = await quota.reserve(grant.workspace, { fileBytes: upload.sizeBytes ?? 0, files: 1 }, { signal });
      try {
        await announce(grant, key, upload, { signal });
        const source = uploadSource(upload, largest, signal, (total) => room.grow(total));
        const options = {
          ...(upload.mimeType !== undefined && { contentType: upload.mimeType }),
          ...(upload.ifMatch !== undefined && { ifMatch: upload.ifMatch }),
          ...(upload.ifNoneMatch !== undefined && { ifNoneMatch: upload.ifNoneMatch }),
        };
        const info = await blobs.put(grant.entry.blobRoot, key, source, options, { signal });
        return await finishFile(parts, grant, info, upload, room);
      } catch (error) {
        throw await room
          .settle(noUsage)
          .then(() => giveUp(grant, key))
          .then(
            () => error,
            (second: unknown) => withSecond(error, second),
          );
      }
    });
  };

  return {
    put,
    delete: async (grant, key, options = {}, call) => {
      await gate.require(grant, 'files.delete');
      if (await removal.remove(grant, key, options, call))
        await parts.directory.audit({
          workspace: grant.workspace,
          user: grant.user,
          action: 'files.delete',
          outcome: 'done',
          detail: { key },
        });
    },
    get: async (grant, key, range, call) => {
      await gate.require(grant, 'read');
      const entry = await readyEntry(grant, key, call);
      const content = await blobs.get(grant.entry.blobRoot, key, range ? { range } : {}, call);
      if (!content) throw lostBlob(key);
      return { entry, content };
    },
    head: async (grant, key, call) => {
      await gate.require(grant, 'read');
      const entry = await readyEntry(grant, key, call);
      const info = await blobs.head(grant.entry.blobRoot, key, call);
      if (!info) throw lostBlob(key);
      return { entry, info };
    },
    entry: async (grant, key, call) => {
      await gate.require(grant, 'read');
      return readyEntry(grant, key, call);
    },
    patch: async (grant, key, patch, call) => {
      await gate.require(grant, 'append');
      await readyEntry(grant, key, call);
      return index.patch(grant.workspace, key, patch, call);
    },
    list: async (grant, listing, call) => {
      await gate.require(grant, 'read');
      return index.list(grant.workspace, { ...listing, state: 'ready', limit: Math.min(listing.limit, limits.pageRecords) }, call);
    },
  };
}

/** The first failure is the caller's answer; the one of tidying up after it goes along as a cause. */
function withSecond(error: unknown, second: unknown): StoreError {
  const { code, message, context } = toStoreError(error);
  return new StoreError(code, message, { context, cause: new AggregateError([error, second]) });
}

/** The bytes are there and verified: now the file counts. Nothing gives up half-way from here on, so there is no signal.
 *  Throws: busy, if somebody removed the file meanwhile: the same upload again makes it good. */
export async function finishFile(
  { blobs, clock, entries }: Pick<FilesParts, 'blobs' | 'clock' | 'entries'>,
  { workspace, entry: { blobRoot } }: Pick<Grant, 'workspace' | 'entry'>,
  info: BlobInfo,
  said: { readonly mimeType?: string; readonly name?: string },
  room: Reservation,
): Promise<StoredFile> {
  const { key, sizeBytes } = info;
  const entry = await entries.change(
    workspace,
    key,
    async (before) => {
      // Who removes a file takes the bytes before the last of its entry: without an entry they may be gone.
      if (before?.state === 'deleting' || (!before && !(await blobs.head(blobRoot, key)))) throw beingRemoved(key);
      const createdAt = before?.state === 'ready' ? before.createdAt : clock.now();
      return { ...(before && named(before)), ...named(said), key, sizeBytes, createdAt, state: 'ready' };
    },
    room,
  );
  return { entry: entry as FileEntry, info };
}

function beingRemoved(key: BlobKey): StoreError {
  return new StoreError('busy', 'the file is being removed just now: send it again', { context: { key } });
}

function named({ mimeType, name }: { readonly mimeType?: string; readonly name?: string }): Pick<FileEntry, 'mimeType' | 'name'> {
  return { ...(mimeType !== undefined && { mimeType }), ...(name !== undefined && { name }) };
}
