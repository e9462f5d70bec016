import {
  type BlobContent,
  type BlobInfo,
  type BlobKey,
  type ByteRange,
  type CallOptions,
  type FileEntry,
  type FilePatch,
  type Page,
  type PutOptions,
  StoreError,
  toStoreError,
} from '@spacestore/core';
import type { Activity } from './activity.ts';
import { type Reservation, reserve } from './file-quota.ts';
import type { Gate } from './gate.ts';
import type { Grant } from './grant.ts';
import { keyTurns } from './key-turns.ts';
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
}

const noSuchFile = (key: BlobKey): StoreError => new StoreError('not_found', 'no such file', { context: { key } });
const lostBlob = (key: BlobKey): StoreError =>
  new StoreError('corrupt', 'the file is listed, but its bytes are not there', { context: { key } });

export function files(parts: FilesParts): Files {
  const { blobs, files: index, directory, limits, clock, gate, activity } = parts;
  const inTurn = keyTurns();
  const turnOf = ({ workspace }: Grant, key: BlobKey): string => `${workspace}/${key}`;
  const largest = Math.min(limits.fileBytes, blobs.capabilities.maxBlobBytes);

  const readyEntry = async (grant: Grant, key: BlobKey, call?: CallOptions): Promise<FileEntry> => {
    const entry = await index.get(grant.workspace, key, call);
    if (entry?.state !== 'ready') throw noSuchFile(key);
    return entry;
  };

  /** Says that an upload was begun, unless there is a file already: that one stays visible until it is replaced. */
  const announce = (grant: Grant, key: BlobKey, upload: FileUpload, call?: CallOptions): Promise<void> =>
    inTurn(turnOf(grant, key), async () => {
      if (await index.get(grant.workspace, key, call)) return;
      await index.put(
        grant.workspace,
        { key, sizeBytes: upload.sizeBytes ?? 0, createdAt: clock.now(), state: 'pending', ...named(upload) },
        call,
      );
    });

  /** The bytes are there and verified: from here on nothing gives up half-way, so no signal is passed on. */
  const finish = (grant: Grant, key: BlobKey, upload: FileUpload, info: BlobInfo, room: Reservation): Promise<StoredFile> =>
    inTurn(turnOf(grant, key), async () => {
      const before = await index.get(grant.workspace, key);
      const kept = before?.state === 'ready' ? before : undefined;
      const entry: FileEntry = {
        ...(kept && named(kept)),
        ...named(upload),
        key,
        sizeBytes: info.sizeBytes,
        createdAt: kept?.createdAt ?? clock.now(),
        state: 'ready',
      };
      await index.put(grant.workspace, entry);
      await room.settle(info.sizeBytes - (kept?.sizeBytes ?? 0), kept ? 0 : 1);
      return { entry, info };
    });

  const giveUp = (grant: Grant, key: BlobKey, room: Reservation): Promise<void> =>
    inTurn(turnOf(grant, key), async () => {
      await room.settle(0, 0);
      const entry = await index.get(grant.workspace, key);
      if (entry?.state === 'pending' && !(await blobs.head(grant.entry.blobRoot, key))) await index.delete(grant.workspace, key);
    });

  const put: Files['put'] = async (grant, key, upload, call) => {
    await gate.require(grant, 'append');
    if (upload.sizeBytes !== undefined && upload.sizeBytes > largest)
      throw new StoreError('too_large', 'the file is too large', { context: { sizeBytes: upload.sizeBytes, maxBytes: largest } });
    return activity.run(grant.workspace, call?.signal, async (signal) => {
      const room = await reserve(parts, grant.workspace, upload.sizeBytes, { signal });
      try {
        await announce(grant, key, upload, { signal });
        const source = uploadSource(upload, largest, signal, (total) => room.grow(total));
        const options = {
          ...(upload.mimeType !== undefined && { contentType: upload.mimeType }),
          ...(upload.ifMatch !== undefined && { ifMatch: upload.ifMatch }),
          ...(upload.ifNoneMatch !== undefined && { ifNoneMatch: upload.ifNoneMatch }),
        };
        const info = await blobs.put(grant.entry.blobRoot, key, source, options, { signal });
        return await finish(grant, key, upload, info, room);
      } catch (error) {
        throw await giveUp(grant, key, room).then(
          () => error,
          (second: unknown) => withSecond(error, second),
        );
      }
    });
  };

  const remove: Files['delete'] = async (grant, key, options = {}, call) => {
    await gate.require(grant, 'files.delete');
    await inTurn(turnOf(grant, key), async () => {
      const entry = await index.get(grant.workspace, key, call);
      if (!entry) return;
      // Hidden first: a crash from here on leaves a pending entry, never a file that is listed without its bytes.
      await index.put(grant.workspace, { ...entry, state: 'pending' }, call);
      try {
        await blobs.delete(grant.entry.blobRoot, key, options, call);
      } catch (error) {
        await index.put(grant.workspace, entry);
        throw error;
      }
      await index.delete(grant.workspace, key);
      const freed = entry.state === 'ready' ? { fileBytes: -entry.sizeBytes, files: -1 } : { fileBytes: 0, files: 0 };
      await directory.addUsage(grant.workspace, freed, { fileBytes: Number.MAX_SAFE_INTEGER, files: Number.MAX_SAFE_INTEGER });
      await directory.audit({ workspace: grant.workspace, user: grant.user, action: 'files.delete', outcome: 'done', detail: { key } });
    });
  };

  return {
    put,
    delete: remove,
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

function named({ mimeType, name }: { readonly mimeType?: string; readonly name?: string }): Pick<FileEntry, 'mimeType' | 'name'> {
  return { ...(mimeType !== undefined && { mimeType }), ...(name !== undefined && { name }) };
}
