import {
  type BlobKey,
  type BlobRoot,
  type BlobStore,
  type ByteSource,
  type CallOptions,
  eachItem,
  type FileEntry,
  type FileIndex,
  kindOfKey,
  StoreError,
  type WorkspaceId,
} from '@spacestore/core';
import type { Stores } from '../service/stores.ts';
import { inParallel } from './in-parallel.ts';

/** Small files wait for the network more than they move. */
const lanes = 8;

export interface FilesCopied {
  readonly files: number;
  readonly fileBytes: number;
  /** Files whose bytes went over now. */
  readonly sent: number;
  /** Files that the source does not have any more. */
  readonly removed: number;
}

/** The target has the files of the source, bytes first, and no others. What it has already is not sent again. Files that come or go meanwhile are for the
 *  next pass. Throws: corrupt, where the source lists a file whose bytes are not there. */
export async function copyFiles(
  source: Pick<Stores, 'files' | 'blobs'>,
  target: Pick<Stores, 'files' | 'blobs'>,
  workspace: WorkspaceId,
  root: BlobRoot,
  onFile?: (sizeBytes: number) => void,
  call?: CallOptions,
): Promise<FilesCopied> {
  const count = { files: 0, fileBytes: 0, sent: 0, removed: 0 };
  await inParallel(readyFiles(source.files, workspace, call), lanes, async (entry) => {
    const present = await target.files.get(workspace, entry.key, call);
    if (!(await hasBytes(source.blobs, target.blobs, root, entry, present, call))) {
      if (!(await sendBytes(source.blobs, target.blobs, root, entry, call))) return; // it went while we looked
      count.sent++;
    }
    if (!present || !isSame(present, entry)) await target.files.replace(workspace, entry.key, present, entry, call);
    count.files++;
    count.fileBytes += entry.sizeBytes;
    onFile?.(entry.sizeBytes);
  });
  const all = eachItem((query) => target.files.list(workspace, query, call));
  await inParallel(all, lanes, async (entry) => {
    if ((await source.files.get(workspace, entry.key, call))?.state === 'ready') return;
    await target.blobs.delete(root, entry.key, {}, call);
    await target.files.replace(workspace, entry.key, entry, undefined, call);
    count.removed++;
  });
  return count;
}

/** What of the source's files the target lacks, or has otherwise. The bytes of static files are looked for by listing: they were verified as they came. */
export async function compareFiles(
  source: Pick<Stores, 'files' | 'blobs'>,
  target: Pick<Stores, 'files' | 'blobs'>,
  workspace: WorkspaceId,
  root: BlobRoot,
  call?: CallOptions,
): Promise<readonly BlobKey[]> {
  const different: BlobKey[] = [];
  // Entries and blobs both come in byte order of their keys.
  const blobs = eachItem((query) => target.blobs.list(root, query, call));
  let blob = await blobs.next();
  for await (const entry of readyFiles(source.files, workspace, call)) {
    while (!blob.done && blob.value.key < entry.key) blob = await blobs.next();
    const bytes = !blob.done && blob.value.key === entry.key ? blob.value.sizeBytes : undefined;
    const there = await target.files.get(workspace, entry.key, call);
    const same = there && isSame(there, entry) && bytes === entry.sizeBytes;
    if (!same || !(await sameContent(source.blobs, target.blobs, root, entry.key, call))) different.push(entry.key);
  }
  await blobs.return(undefined);
  return different;
}

async function sameContent(
  source: BlobStore,
  target: BlobStore,
  root: BlobRoot,
  key: BlobKey,
  call: CallOptions | undefined,
): Promise<boolean> {
  if (kindOfKey(key) === 'static') return true;
  const [left, right] = await Promise.all([source.head(root, key, call), target.head(root, key, call)]);
  return left !== undefined && left.sha256 === right?.sha256;
}

function readyFiles(files: FileIndex, workspace: WorkspaceId, call: CallOptions | undefined): AsyncGenerator<FileEntry> {
  return eachItem((query) => files.list(workspace, { ...query, state: 'ready' }, call));
}

function isSame(a: FileEntry, b: FileEntry): boolean {
  return (['key', 'mimeType', 'name', 'sizeBytes', 'createdAt', 'state'] as const).every((field) => a[field] === b[field]);
}

/** An entry is written after its bytes, and static bytes never change; mutable ones are compared each time. */
async function hasBytes(
  source: BlobStore,
  target: BlobStore,
  root: BlobRoot,
  { key, sizeBytes }: FileEntry,
  present: FileEntry | undefined,
  call: CallOptions | undefined,
): Promise<boolean> {
  if (kindOfKey(key) === 'static' && present?.state === 'ready' && present.sizeBytes === sizeBytes) return true;
  const there = await target.head(root, key, call);
  if (!there) return false;
  return kindOfKey(key) === 'static' || there.sha256 === (await source.head(root, key, call))?.sha256;
}

async function sendBytes(
  source: BlobStore,
  target: BlobStore,
  root: BlobRoot,
  { key, mimeType }: FileEntry,
  call: CallOptions | undefined,
): Promise<boolean> {
  const info = await source.head(root, key, call);
  if (!info) return false;
  const bytes: ByteSource = {
    open: async function* () {
      const content = await source.get(root, key, {}, call);
      if (!content) throw new StoreError('unavailable', 'the file was removed while it was copied', { context: { key } });
      yield* content.body;
    },
    ...(kindOfKey(key) === 'static' && { sizeBytes: info.sizeBytes }), // a mutable one may be replaced while it is read
  };
  const contentType = info.contentType ?? mimeType;
  await target.put(root, key, bytes, contentType === undefined ? {} : { contentType }, call);
  return true;
}
