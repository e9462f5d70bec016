import {
  type BlobContent,
  type BlobEntry,
  type BlobInfo,
  type BlobKey,
  type BlobListQuery,
  type BlobRoot,
  type BlobStore,
  type ByteRange,
  kindOfKey,
  type Page,
} from '@spacestore/core';
import { LawBroken } from '../../check/broken.ts';
import { brief, digestOf, equalBytes } from '../../check/digest.ts';
import { holds, same } from '../../check/expect.ts';
import { type BlobModel, keysOf } from '../../model/blob-store.ts';

/** All bytes of a body. */
export async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) {
    holds(chunk instanceof Uint8Array, 'a body gives something that is no bytes');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export interface ReadBlob {
  readonly info: BlobInfo;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A blob or a part of it, read to its end. Throws if the length told is not the length given. */
export async function readBlob(store: BlobStore, root: BlobRoot, key: BlobKey, range?: ByteRange): Promise<ReadBlob | undefined> {
  const content: BlobContent | undefined = await store.get(root, key, range === undefined ? {} : { range });
  if (content === undefined) return undefined;
  const bytes = await bytesOf(content.body);
  same(bytes.length, content.sizeBytes, 'bytes given, beside the length get told');
  return { info: content.info, offset: content.offset, bytes };
}

/** Throws unless the blob is there, whole, and described alike by get, head and its key. */
export async function expectBlob(store: BlobStore, root: BlobRoot, key: BlobKey, bytes: Uint8Array, what: string): Promise<BlobInfo> {
  const found = await readBlob(store, root, key);
  if (found === undefined) throw new LawBroken(`${what}: expected ${brief(bytes)}, but there is no blob`);
  if (!equalBytes(found.bytes, bytes)) throw new LawBroken(`${what}: expected ${brief(bytes)}, got ${brief(found.bytes)}`);
  same(found.offset, 0, `${what}: offset of a whole body`);
  const { info } = found;
  same(info.key, key, `${what}: key told by get`);
  same(info.sizeBytes, bytes.length, `${what}: sizeBytes told by get`);
  same(info.sha256, digestOf(bytes), `${what}: sha256 told by get`);
  holds(typeof info.version === 'string' && info.version.length > 0, `${what}: a version is a text`);
  same(factsOf(await store.head(root, key)), factsOf(info), `${what}: head beside get`);
  return info;
}

/** Throws unless nothing is visible of a blob, by any method. */
export async function expectNoBlob(store: BlobStore, root: BlobRoot, key: BlobKey, what: string): Promise<void> {
  same(await readBlob(store, root, key), undefined, `${what}: get`);
  same(await store.head(root, key), undefined, `${what}: head`);
  const listed = (await listBlobs(store, root)).map((entry) => entry.key);
  holds(!listed.includes(key), `${what}: list has ${key}`);
}

export const factsOf = (info: BlobInfo | undefined): unknown =>
  info && { key: info.key, sizeBytes: info.sizeBytes, sha256: info.sha256, version: info.version, contentType: info.contentType };

/** Every entry of a listing, page by page. Throws if the pages don't end, are too long, or leave their order. */
export async function listBlobs(
  store: BlobStore,
  root: BlobRoot,
  { limit = 100, kind }: { readonly limit?: number; readonly kind?: 'static' | 'var' } = {},
  between: (page: number) => Promise<void> = async () => undefined,
): Promise<readonly BlobEntry[]> {
  const entries: BlobEntry[] = [];
  let query: BlobListQuery | undefined = { limit, ...(kind === undefined ? {} : { kind }) };
  for (let pages = 0; query !== undefined; pages++) {
    holds(pages < 10_000, 'a listing gives pages without end');
    const page: Page<BlobEntry> = await store.list(root, query);
    holds(page.items.length <= limit, `a page has ${page.items.length} entries, more than its limit ${limit}`);
    for (const entry of page.items) {
      const before = entries.at(-1)?.key;
      holds(before === undefined || before < entry.key, `list: ${entry.key} comes after ${before}`);
      holds(kind === undefined || kindOfKey(entry.key) === kind, `list of ${kind} gives ${entry.key}`);
      entries.push(entry);
    }
    query = page.next;
    if (query !== undefined) await between(pages);
  }
  return entries;
}

/** Throws unless a root holds exactly what the model says. */
export async function expectRoot(store: BlobStore, model: BlobModel, root: BlobRoot, what: string): Promise<void> {
  const entries = await listBlobs(store, root, { limit: 3 });
  const expected = keysOf(model, root);
  same(
    entries.map((entry) => entry.key),
    expected,
    `${what}: keys listed`,
  );
  for (const [i, key] of expected.entries()) {
    const bytes = model.get(root)?.get(key) as Uint8Array;
    same(entries[i]?.sizeBytes, bytes.length, `${what}: size of ${key} in the listing`);
    await expectBlob(store, root, key, bytes, `${what}: ${key}`);
  }
}
