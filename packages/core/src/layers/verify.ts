import { idOfKey, kindOfKey } from '../blob-key.ts';
import { verifiedBody } from '../byte-source.ts';
import type { BlobInfo, BlobStore } from '../contracts/blob-store.ts';
import type { OpStore, ReadPage, ReadQuery, StoredRecord } from '../contracts/op-store.ts';
import { StoreError } from '../errors.ts';
import { decodeCursor } from '../log/cursor.ts';
import type { Layer } from './contracts.ts';

/** Checks what a blob store hands out, whoever it is: a whole body against the hash (the key's own for static content, the one
 *  the store tells for mutable), facts against the key, and a body's length always. What was put is not read back.
 *  Throws: corrupt. */
export function verifyBlobs(): Layer<BlobStore> {
  return (store) => ({
    ...store,
    head: async (root, key, call) => {
      const info = await store.head(root, key, call);
      if (info) checkInfo(info, key);
      return info;
    },
    commit: async (root, key, upload, call) => {
      const info = await store.commit(root, key, upload, call);
      checkInfo(info, key);
      return info;
    },
    get: async (root, key, options, call) => {
      const content = await store.get(root, key, options, call);
      if (!content) return undefined;
      const { info, offset, sizeBytes, body } = content;
      checkInfo(info, key);
      const whole = offset === 0 && sizeBytes === info.sizeBytes;
      if (!whole && (offset + sizeBytes > info.sizeBytes || options?.range === undefined))
        throw corrupt('a body that is not of its blob', { key });
      return { ...content, body: leaving(body, whole ? verifiedBody(body, info) : ofLength(body, sizeBytes)) };
    },
  });
}

function checkInfo(info: BlobInfo, key: BlobInfo['key']): void {
  if (info.key !== key || (kindOfKey(key) === 'static' && info.sha256 !== idOfKey(key))) throw corrupt('facts of another blob', { key });
}

async function* ofLength(body: AsyncIterable<Uint8Array>, sizeBytes: number): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of body) {
    seen += chunk.length;
    if (seen > sizeBytes) break;
    yield chunk;
  }
  if (seen !== sizeBytes) throw corrupt('a body of another length', { sizeBytes, foundBytes: seen });
}

/** A generator that was never started ends without a word to what it reads: here the inner body is told in any case. */
function leaving(inner: AsyncIterable<Uint8Array>, checked: AsyncGenerator<Uint8Array>): AsyncIterable<Uint8Array> {
  let started = false;
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        started = true;
        return checked.next();
      },
      return: async () => {
        await checked.return(undefined);
        if (!started) await inner[Symbol.asyncIterator]().return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}

/** Checks what an op store hands out against the query and against itself: order, bounds, filters, page size. The bodies can't be
 *  checked here, since a record doesn't carry its digest: stores that claim `integrity` do that. Throws: corrupt. */
export function verifyOps(): Layer<OpStore> {
  return (store) => ({
    ...store,
    read: async (workspace, query, call) => {
      const page = await store.read(workspace, query, call);
      checkPage(page, query);
      return page;
    },
  });
}

function checkPage(page: ReadPage, query: ReadQuery): void {
  const trees = query.trees && new Set(query.trees);
  const last = page.through === undefined ? 0 : decodeCursor(page.through).position;
  let position = query.after === undefined ? 0 : decodeCursor(query.after).position;
  let receivedAt = 0;
  for (const record of page.records) {
    if (record.position <= position || record.position > last || record.receivedAt < receivedAt)
      throw corrupt('a record out of order', idsOf(record));
    if (trees && !trees.has(record.tree)) throw corrupt('a record of another tree', idsOf(record));
    if (record.receivedAt < (query.receivedFrom ?? 0) || record.receivedAt >= (query.receivedBefore ?? Infinity))
      throw corrupt('a record of another time', idsOf(record));
    position = record.position;
    receivedAt = record.receivedAt;
  }
  if (page.records.length > query.limit) throw corrupt('more records than were asked for', { limit: query.limit });
}

function idsOf({ tree, peer, counter, position }: StoredRecord): Readonly<Record<string, unknown>> {
  return { tree, peer, counter, position };
}

function corrupt(what: string, context: Readonly<Record<string, unknown>>): StoreError {
  return new StoreError('corrupt', `the store answered with ${what}`, { context });
}
