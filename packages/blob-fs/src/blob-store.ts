import { mkdir, realpath } from 'node:fs/promises';
import {
  type BlobKey,
  type BlobLayout,
  type BlobRoot,
  type BlobStore,
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
import { createBlobFiles } from './blob-files.ts';
import { onDisk } from './errors.ts';
import { createFolders } from './folders.ts';
import { listFiles } from './list-files.ts';
import { fileBody } from './read-file.ts';
import { createTemporaries } from './temporaries.ts';

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
    await mkdir(options.dir, { recursive: true, mode: 0o700 });
    const below = createFolders(await realpath(options.dir), fsync);
    const made = await createTemporaries(below, tempTtlMs);
    await made.sweep();
    return { folders: below, temporaries: made };
  });
  const files = createBlobFiles({ folders, temporaries, layout, fsync, clock, maxBlobBytes });
  const lifetime = createLifetime();
  /** Bodies handed out that nobody has begun to read: closing the store frees them. */
  const unread = new Set<() => Promise<void>>();

  return {
    contractVersion: 1,
    capabilities: {
      durable: fsync ? 'power' : 'process',
      multiHandle: false,
      multiProcess: false,
      contentType: false,
      presign: false,
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
          if (!found) return undefined;
          const { file, info } = found;
          const span = resolveRange(getOptions?.range, info.sizeBytes);
          const release = async (): Promise<void> => {
            unread.delete(release);
            await file.close();
          };
          unread.add(release);
          const expected = span.sizeBytes === info.sizeBytes ? info : undefined;
          return { info, ...span, body: fileBody(file, span, expected, { started: () => unread.delete(release), release }) };
        }),
      ),

    head: (root, key, call) =>
      lifetime.run(call, () => {
        checkNames(root, key);
        return onDisk(async () => {
          const found = await files.find(root, key);
          await found?.file.close();
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
