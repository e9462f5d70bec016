import { realpath } from 'node:fs/promises';
import {
  type BlobContent,
  type BlobKey,
  type BlobLayout,
  type BlobRoot,
  type BlobStore,
  type ByteRange,
  type Clock,
  checkPutOptions,
  checkRange,
  createLifetime,
  kindOfKey,
  pageOf,
  parseBlobKey,
  parseBlobRoot,
  parseLimit,
  resolveRange,
  StoreError,
  systemClock,
} from '@spacestore/core';
import { createBlobFiles, type FoundBlob } from './blob-files.ts';
import { onDisk } from './errors.ts';
import { createFolders, makeFolder } from './folders.ts';
import { listFiles } from './list-files.ts';
import { fileBody } from './read-file.ts';
import { createTemporaries } from './temporaries.ts';
import { createVerified } from './verified.ts';

export interface FolderBlobOptions {
  /** The folder of all roots; made with mode 0700 if absent. */
  readonly dir: string;
  /** How keys become paths; `object` if absent. Fixed for the life of the folder. */
  readonly layout?: BlobLayout;
  /** Whether an acknowledged put survives a power cut; true if absent. Without it, it survives the end of the process. */
  readonly fsync?: boolean;
  readonly clock?: Clock;
  /** Age after which a half-written file counts as left behind, if its writer can't be asked; a day if absent. */
  readonly tempTtlMs?: number;
  /** 5 TiB if absent. */
  readonly maxBlobBytes?: number;
}

/** Opens the folder, making it if absent, and removes what crashed writers left. Throws: unavailable. */
export async function folderBlobStore(options: FolderBlobOptions): Promise<BlobStore> {
  const { layout = 'object', fsync = true, clock = systemClock, tempTtlMs = 24 * 3600 * 1000, maxBlobBytes = 5 * 2 ** 40 } = options;
  const { folders, temporaries } = await onDisk(async () => {
    await makeFolder(options.dir, fsync);
    const below = createFolders(await realpath(options.dir), fsync);
    const made = await createTemporaries(below, tempTtlMs);
    await made.sweep();
    return { folders: below, temporaries: made };
  });
  const files = createBlobFiles({ folders, temporaries, layout, fsync, clock, maxBlobBytes });
  const verified = createVerified();
  const lifetime = createLifetime();
  /** Bodies handed out that nobody has begun to read: closing the store frees them. */
  const unread = new Set<() => Promise<void>>();

  const handOut = async ({ opened, info }: FoundBlob, range: ByteRange | undefined): Promise<BlobContent> => {
    const span = resolveRange(range, info.sizeBytes);
    const whole = span.sizeBytes === info.sizeBytes;
    const release = async (): Promise<void> => {
      unread.delete(release);
      await opened.file.close();
    };
    try {
      if (!whole) await verified.check(opened, info); // a whole body is checked while it is read
    } catch (error) {
      await release();
      throw error;
    }
    unread.add(release);
    const body = fileBody(opened.file, span, whole ? info : undefined, { started: () => unread.delete(release), release });
    return { info, ...span, body };
  };

  return {
    contractVersion: 1,
    capabilities: {
      durable: fsync ? 'power' : 'process',
      multiHandle: false,
      multiProcess: false,
      contentType: false,
      presign: false,
      boundUploads: false,
      maxUploadBytes: 0,
      maxBlobBytes,
    },

    put: (root, key, source, putOptions, call) =>
      lifetime.run(call, () => {
        checkNames(root, key);
        checkPutOptions(putOptions);
        return kindOfKey(key) === 'static'
          ? files.putStatic(root, key, source, putOptions, call)
          : files.putMutable(root, key, source, putOptions, call);
      }),

    get: (root, key, getOptions, call) =>
      lifetime.run(call, () =>
        onDisk(async () => {
          checkNames(root, key);
          checkRange(getOptions?.range);
          const found = await files.find(root, key);
          return found && handOut(found, getOptions?.range);
        }),
      ),

    head: (root, key, call) =>
      lifetime.run(call, () => {
        checkNames(root, key);
        return onDisk(async () => {
          const found = await files.find(root, key);
          await found?.opened.file.close();
          return found?.info;
        });
      }),

    list: (root, query, call) =>
      lifetime.run(call, () =>
        onDisk(async () => {
          parseBlobRoot(root);
          const limit = parseLimit(query.limit);
          const rows = [];
          for await (const entry of listFiles(folders, layout, root, query)) if (rows.push(entry) > limit) break;
          const page = pageOf(rows, limit, (entry) => entry.key);
          return page.next && query.kind !== undefined ? { ...page, next: { ...page.next, kind: query.kind } } : page;
        }),
      ),

    delete: (root, key, deleteOptions, call) =>
      lifetime.run(call, () => {
        checkNames(root, key);
        return onDisk(() => files.remove(root, key, deleteOptions?.ifMatch));
      }),

    presign: (_root, _key, _options, call) =>
      lifetime.run(call, () => {
        throw new StoreError('unsupported', 'blobs in a folder have no URLs');
      }),

    commit: (_root, _key, _upload, call) =>
      lifetime.run(call, () => {
        throw new StoreError('unsupported', 'blobs in a folder have no URLs');
      }),

    drop: (root, call) => lifetime.run(call, () => onDisk(() => files.drop(parseBlobRoot(root)))),

    close: () =>
      lifetime.close(async () => {
        for (const release of unread) await release();
      }),
  };
}

function checkNames(root: BlobRoot, key: BlobKey): void {
  parseBlobRoot(root);
  parseBlobKey(key);
}
