import type { BlobItem, ContainerClient } from '@azure/storage-blob';
import { type BlobEntry, type BlobListQuery, blobFolder, keyOfBlobPath } from '@spacestore/core';
import { strangeAnswer, understood } from './errors.ts';

const maxPageSize = 5000;
const digits = [...'0123456789abcdef'];

/** The blobs below `base` (a root's place in the container) after a key, in byte order of keys, asked for in pages of about `pageSize`. */
export async function* listBlobs(
  container: ContainerClient,
  base: string,
  query: Pick<BlobListQuery, 'kind' | 'after'>,
  pageSize: number,
  abortSignal: AbortSignal,
): AsyncGenerator<BlobEntry> {
  const { after = '' } = query;
  for (const kind of ['static', 'var'] as const) {
    if (query.kind !== undefined && query.kind !== kind) continue;
    for (const stretch of stretchesAfter(kind, after)) {
      const prefix = `${base}/${blobFolder('object', kind)}/${stretch}`;
      for await (const { name, properties } of itemsBelow(container, prefix, abortSignal, pageSize)) {
        const key = keyOfBlobPath('object', name.slice(base.length + 1));
        if (key === undefined || key <= after) continue; // none: it belongs to a root inside this one
        const { contentLength, lastModified } = properties;
        if (contentLength === undefined || lastModified === undefined) throw strangeAnswer('the length of a blob');
        yield { key, sizeBytes: contentLength, modifiedAt: lastModified.getTime() };
      }
    }
  }
}

/** Whether a name the service lists below `base` is a blob of its root, and not of a root inside it. */
export function isBlob(base: string, name: string): boolean {
  return keyOfBlobPath('object', name.slice(base.length + 1)) !== undefined;
}

/** Everything whose name begins with the prefix, in byte order. */
export async function* itemsBelow(
  container: ContainerClient,
  prefix: string,
  abortSignal: AbortSignal,
  pageSize: number = maxPageSize,
): AsyncGenerator<BlobItem> {
  const pages = container.listBlobsFlat({ prefix, abortSignal }).byPage({ maxPageSize: Math.min(pageSize, maxPageSize) });
  for (;;) {
    const page = await understood('a list of blobs', pages.next());
    if (page.done) return;
    const { segment } = page.value;
    if (!Array.isArray(segment?.blobItems)) throw strangeAnswer('a list of blobs');
    yield* segment.blobItems;
  }
}

export async function* inBatches<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<readonly Item[]> {
  let batch: Item[] = [];
  for await (const item of items) {
    if (batch.push(item) < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Beginnings of ids that together hold all ids after a key and few before it, in order: the service can start a listing only at a prefix.
 *  After `static/ab…` that is `ab` itself, `ac` to `af`, and `b` to `f`: at most 31 of them. */
export function stretchesAfter(kind: 'static' | 'var', after: string): readonly string[] {
  const side = (start: string): number => {
    const place = `${kind}/${start}`;
    const bound = after.slice(0, place.length);
    return place > bound ? 1 : place < bound ? -1 : 0;
  };
  if (side('') !== 0) return side('') > 0 ? [''] : [];
  const beyond = (starts: readonly string[], within: (start: string) => readonly string[]): readonly string[] =>
    starts.flatMap((start) => (side(start) > 0 ? [start] : side(start) === 0 ? within(start) : []));
  return beyond(digits, (first) =>
    beyond(
      digits.map((second) => first + second),
      (start) => [start],
    ),
  );
}
