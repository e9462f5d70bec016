import {
  type BlobContent,
  type BlobKey,
  type BlobRoot,
  type BlobStore,
  type BlobStoreCapabilities,
  blobConflict,
  blobFolder,
  blobPath,
  type Clock,
  checkPresignOptions,
  checkPutOptions,
  checkRange,
  createLifetime,
  pageOf,
  parseBlobKey,
  parseBlobRoot,
  parseLimit,
  StoreError,
  systemClock,
} from '@spacestore/core';
import { ifVersion } from './blob-facts.ts';
import { type AzureConnection, connect } from './connect.ts';
import { onAzure, saysConflict, saysNoBlob, understood } from './errors.ts';
import { inBatches, isBlob, itemsBelow, listBlobs } from './list-blobs.ts';
import { putBlob } from './put-blob.ts';
import { bodyOf, destroy, infoNow, lookAt, openBlob } from './read-blob.ts';
import { createSignUrl } from './sign-url.ts';
import { commitUpload, isUpload, maxRequestBytes, presignUrl, uploadsFolder } from './uploads.ts';

export interface AzureBlobOptions extends AzureConnection {
  /** A path inside the container, below which all roots lie; the container's own top if absent. */
  readonly prefix?: string;
  /** Content longer than this is sent in blocks of this length; 4 MiB if absent. A put holds `parallelBlocks` + 1 of them in memory. */
  readonly blockBytes?: number;
  /** Blocks of one put on their way at once; 4 if absent. */
  readonly parallelBlocks?: number;
  /** 50,000 blocks if absent, which is the most a blob can have. */
  readonly maxBlobBytes?: number;
  /** For the expiry of URLs. */
  readonly clock?: Clock;
}

const maxBlocks = 50_000;
const maxNameLength = 1024;
const deletesAtOnce = 32;

/** Blobs in a container of Azure Blob Storage, which must be there. Looks once whether it is and whether it may be listed.
 *  Throws: invalid, unavailable. */
export async function azureBlobStore(options: AzureBlobOptions): Promise<BlobStore> {
  const { blockBytes = 4 * 2 ** 20, parallelBlocks = 4, maxBlobBytes = blockBytes * maxBlocks, clock = systemClock } = options;
  const top = options.prefix === undefined ? '' : `${parseBlobRoot(options.prefix)}/`;
  const connected = await connect(options);
  const { container } = connected;
  await onAzure(undefined, () => understood('a list of blobs', container.listBlobsFlat({ prefix: top }).byPage({ maxPageSize: 1 }).next()));
  const signUrl = createSignUrl(connected, clock);
  const putting = { blockBytes, parallelBlocks, maxBlobBytes };
  const capabilities: BlobStoreCapabilities = {
    durable: 'power',
    multiHandle: true,
    multiProcess: true,
    contentType: true,
    presign: signUrl !== undefined,
    boundUploads: false,
    maxUploadBytes: signUrl === undefined ? 0 : Math.min(maxRequestBytes, maxBlobBytes),
    maxBlobBytes,
  };
  const lifetime = createLifetime();
  /** Bodies handed out that nobody has begun to read: closing the store frees them. */
  const unread = new Set<() => void>();

  const baseOf = (root: BlobRoot): string => `${top}${parseBlobRoot(root)}`;
  const blobAt = (root: BlobRoot, key: BlobKey) => {
    const name = `${baseOf(root)}/${blobPath('object', parseBlobKey(key))}`;
    if (name.length > maxNameLength) throw new StoreError('invalid', `names of blobs have at most ${maxNameLength} characters on Azure`);
    return container.getBlockBlobClient(name);
  };

  /** All that is a root's own: its blobs, and what was sent and not committed. */
  async function* namesOf(root: BlobRoot, signal: AbortSignal): AsyncGenerator<string> {
    const [base, folder] = [baseOf(root), uploadsFolder(top, root)];
    for (const kind of ['static', 'var'] as const) {
      const below = `${blobFolder('object', kind)}/`;
      for await (const { name } of itemsBelow(container, `${base}/${below}`, signal)) if (isBlob(base, name)) yield name;
      for await (const { name } of itemsBelow(container, `${folder}/${below}`, signal)) if (isUpload(folder, name)) yield name;
    }
  }

  return {
    contractVersion: 1,
    capabilities,

    put: (root, key, source, putOptions = {}, call) =>
      lifetime.run(call, () => {
        checkPutOptions(putOptions);
        return putBlob(blobAt(root, key), key, source, putOptions, putting, call);
      }),

    get: (root, key, getOptions, call) =>
      lifetime.run(call, () => {
        checkRange(getOptions?.range);
        const blob = blobAt(root, key);
        return onAzure(call, async (signal): Promise<BlobContent | undefined> => {
          const opened = await openBlob(blob, key, getOptions?.range, signal);
          if (!opened) return undefined;
          const { info, span, stream } = opened;
          const release = (): void => {
            started();
            destroy(stream);
          };
          const started = (): void => void unread.delete(release);
          unread.add(release);
          const whole = span.sizeBytes === info.sizeBytes;
          return { info, ...span, body: bodyOf(stream, span.sizeBytes, whole ? info : undefined, { started, release }) };
        });
      }),

    head: (root, key, call) =>
      lifetime.run(call, () => {
        const blob = blobAt(root, key);
        return onAzure(call, (signal) => infoNow(blob, key, signal));
      }),

    list: (root, query, call) =>
      lifetime.run(call, () => {
        const base = baseOf(root);
        const limit = parseLimit(query.limit);
        return onAzure(call, async (signal) => {
          const rows = [];
          for await (const row of listBlobs(container, base, query, limit + 1, signal)) if (rows.push(row) > limit) break;
          const page = pageOf(rows, limit, (row) => row.key);
          return page.next && query.kind !== undefined ? { ...page, next: { ...page.next, kind: query.kind } } : page;
        });
      }),

    delete: (root, key, deleteOptions, call) =>
      lifetime.run(call, () => {
        const blob = blobAt(root, key);
        const { ifMatch } = deleteOptions ?? {};
        return onAzure(call, async (abortSignal) => {
          try {
            await blob.delete({
              deleteSnapshots: 'include',
              abortSignal,
              ...(ifMatch !== undefined && { conditions: ifVersion(ifMatch) }),
            });
          } catch (error) {
            if (saysNoBlob(error)) return;
            if (!saysConflict(error)) throw error;
            const present = await lookAt(blob, key, abortSignal);
            if (present) throw blobConflict(key, present.version);
          }
        });
      }),

    presign: (root, key, presignOptions, call) =>
      lifetime.run(call, () => {
        const at = { container, top, root, key, blob: blobAt(root, key) };
        if (signUrl === undefined) throw noUrls();
        checkPresignOptions(presignOptions, capabilities);
        return onAzure(call, () => presignUrl(signUrl, at, presignOptions));
      }),

    commit: (root, key, upload, call) =>
      lifetime.run(call, () => {
        const at = { container, top, root, key, blob: blobAt(root, key) };
        if (signUrl === undefined) throw noUrls();
        return commitUpload(at, upload, putting, call);
      }),

    drop: (root, call) =>
      lifetime.run(call, () => {
        parseBlobRoot(root);
        return onAzure(call, async (abortSignal) => {
          for await (const names of inBatches(namesOf(root, abortSignal), deletesAtOnce))
            await Promise.all(
              names.map((name) => container.getBlockBlobClient(name).deleteIfExists({ deleteSnapshots: 'include', abortSignal })),
            );
        });
      }),

    close: () =>
      lifetime.close(() => {
        for (const release of unread) release();
      }),
  };
}

function noUrls(): StoreError {
  return new StoreError('unsupported', 'URLs can’t be signed with a SAS: the store needs an account key or a credential');
}
