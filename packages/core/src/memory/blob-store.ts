import { type BlobKey, type BlobRoot, kindOfKey, parseBlobKey, parseBlobRoot } from '../blob-key.ts';
import { checkRange, resolveRange } from '../byte-range.ts';
import { corruptContent, drainSource, joinBytes, verifiedBody } from '../byte-source.ts';
import { blobConflict, checkPutCondition, checkPutOptions, checkStaticContent } from '../check-blobs.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { BlobInfo, BlobStore } from '../contracts/blob-store.ts';
import { StoreError } from '../errors.ts';
import { compareIds } from '../ids.ts';
import { createLifetime } from '../lifetime.ts';
import { pageOf, parseLimit } from '../paging.ts';

const chunkBytes = 64 * 1024;

interface StoredBlob {
  readonly info: BlobInfo;
  readonly bytes: Uint8Array;
}

/** What a memory blob store keeps its blobs in: a second store on the same place sees the same blobs. */
export interface MemoryBlobPlace {
  readonly blobs: Map<BlobRoot, Map<BlobKey, StoredBlob>>;
}

export interface MemoryBlobOptions {
  readonly clock?: Clock;
  readonly place?: MemoryBlobPlace;
  /** 64 MiB if absent. */
  readonly maxBlobBytes?: number;
}

export function memoryBlobPlace(): MemoryBlobPlace {
  return { blobs: new Map() };
}

/** Blobs in this process's memory: the executable form of the contract's laws, and a double for tests. */
export function memoryBlobStore(options: MemoryBlobOptions = {}): BlobStore {
  const { clock = systemClock, place = memoryBlobPlace(), maxBlobBytes = 64 * 1024 * 1024 } = options;
  const lifetime = createLifetime();
  const find = (root: BlobRoot, key: BlobKey): StoredBlob | undefined => {
    const known = parseBlobKey(key); // before the root is looked up: a bad key is refused where there is nothing, too
    return place.blobs.get(parseBlobRoot(root))?.get(known);
  };

  return {
    contractVersion: 1,
    capabilities: {
      durable: 'none',
      multiHandle: true,
      multiProcess: false,
      contentType: true,
      presign: false,
      boundUploads: false,
      maxUploadBytes: 0,
      maxBlobBytes,
    },

    put: (root, key, source, putOptions, call) =>
      lifetime.run(call, async () => {
        checkPutOptions(putOptions);
        checkPutCondition(key, putOptions, find(root, key)?.info.version);
        const chunks: Uint8Array[] = [];
        const { sha256, sizeBytes } = await drainSource(source, { maxBytes: maxBlobBytes, call }, (chunk) => {
          chunks.push(chunk.slice()); // a source may fill the same buffer again
        });
        checkStaticContent(key, sha256);
        // From here on there is no await: what is checked is still so when the blob appears.
        const present = find(root, key);
        checkPutCondition(key, putOptions, present?.info.version);
        if (present && kindOfKey(key) === 'static') return present.info;
        const { contentType } = putOptions ?? {};
        const info: BlobInfo = {
          key,
          sizeBytes,
          sha256,
          version: sha256,
          modifiedAt: clock.now(),
          ...(contentType === undefined ? {} : { contentType }),
        };
        const blobs = place.blobs.get(root) ?? new Map<BlobKey, StoredBlob>();
        place.blobs.set(root, blobs.set(key, { info, bytes: joinBytes(chunks, sizeBytes) }));
        return info;
      }),

    get: (root, key, getOptions, call) =>
      lifetime.run(call, () => {
        checkRange(getOptions?.range);
        const blob = find(root, key);
        if (!blob) return undefined;
        if (blob.bytes.length !== blob.info.sizeBytes) throw corruptContent(blob.info, blob.bytes.length); // a part can't show it otherwise
        const span = resolveRange(getOptions?.range, blob.info.sizeBytes);
        const body = slices(blob.bytes, span.offset, span.sizeBytes);
        const whole = span.sizeBytes === blob.info.sizeBytes;
        return { info: blob.info, ...span, body: whole ? verifiedBody(body, blob.info) : body };
      }),

    head: (root, key, call) => lifetime.run(call, () => find(root, key)?.info),

    list: (root, query, call) =>
      lifetime.run(call, () => {
        const { kind, after } = query;
        const limit = parseLimit(query.limit);
        const rows = [...(place.blobs.get(parseBlobRoot(root))?.values() ?? [])]
          .map(({ info: { key, sizeBytes, modifiedAt } }) => ({ key, sizeBytes, modifiedAt }))
          .filter(({ key }) => (kind === undefined || kindOfKey(key) === kind) && (after === undefined || key > after))
          .sort((a, b) => compareIds(a.key, b.key))
          .slice(0, limit + 1);
        const page = pageOf(rows, limit, ({ key }) => key);
        return page.next && kind !== undefined ? { ...page, next: { ...page.next, kind } } : page;
      }),

    delete: (root, key, deleteOptions, call) =>
      lifetime.run(call, () => {
        const present = find(root, key);
        if (!present) return;
        const { ifMatch } = deleteOptions ?? {};
        if (ifMatch !== undefined && ifMatch !== present.info.version) throw blobConflict(key, present.info.version);
        place.blobs.get(root)?.delete(key);
      }),

    presign: (_root, _key, _options, call) =>
      lifetime.run(call, () => {
        throw new StoreError('unsupported', 'blobs in memory have no URLs');
      }),

    commit: (_root, _key, _upload, call) =>
      lifetime.run(call, () => {
        throw new StoreError('unsupported', 'blobs in memory have no URLs');
      }),

    drop: (root, call) =>
      lifetime.run(call, () => {
        place.blobs.delete(parseBlobRoot(root));
      }),

    close: () => lifetime.close(),
  };
}

async function* slices(bytes: Uint8Array, offset: number, sizeBytes: number): AsyncGenerator<Uint8Array> {
  const end = offset + sizeBytes;
  for (let at = offset; at < end; at += chunkBytes) yield bytes.slice(at, Math.min(at + chunkBytes, end));
}
