import { type BlobKey, type BlobRoot, type ByteRange, compareIds, kindOfKey } from '@spacestore/core';

/** What a blob store is: contents under keys under roots. */
export type BlobModel = Map<BlobRoot, Map<BlobKey, Uint8Array>>;

/** What a caller asks of the blob that is there: nothing, that there be none, that it be (or not be) the one it saw. */
export type Condition = 'any' | 'absent' | 'current' | 'stale';

export type PutVerdict = 'stored' | 'kept' | 'conflict' | 'invalid';

export const blobIn = (model: BlobModel, root: BlobRoot, key: BlobKey): Uint8Array | undefined => model.get(root)?.get(key);

/** Whether the condition lets a write through. */
export function allowed(present: Uint8Array | undefined, condition: Condition): boolean {
  switch (condition) {
    case 'any':
      return true;
    case 'absent':
      return present === undefined;
    case 'current':
      return present !== undefined;
    case 'stale':
      return false;
  }
}

/** Puts content and tells what must come of it; `fits` says whether a static key is the content's hash. */
export function putBlob(
  model: BlobModel,
  root: BlobRoot,
  key: BlobKey,
  bytes: Uint8Array,
  condition: Condition,
  fits: boolean,
): PutVerdict {
  const present = blobIn(model, root, key);
  if (!allowed(present, condition)) return 'conflict';
  if (kindOfKey(key) === 'static' && !fits) return 'invalid';
  if (kindOfKey(key) === 'static' && present !== undefined) return 'kept';
  const blobs = model.get(root) ?? new Map<BlobKey, Uint8Array>();
  model.set(root, blobs.set(key, bytes));
  return 'stored';
}

/** Deletes and tells what must come of it: what is not there is gone already, whatever the caller saw. */
export function deleteBlob(model: BlobModel, root: BlobRoot, key: BlobKey, condition: 'any' | 'current' | 'stale'): 'gone' | 'conflict' {
  const present = blobIn(model, root, key);
  if (present !== undefined && !allowed(present, condition)) return 'conflict';
  model.get(root)?.delete(key);
  return 'gone';
}

/** The stretch of a blob a range names: offsets are inclusive, cut at the end. */
export function sliceOf(bytes: Uint8Array, range: ByteRange | undefined): { readonly offset: number; readonly bytes: Uint8Array } {
  if (range === undefined) return { offset: 0, bytes };
  const offset = Math.min('suffix' in range ? Math.max(bytes.length - range.suffix, 0) : range.first, bytes.length);
  const end = 'suffix' in range || range.last === undefined ? bytes.length : Math.min(range.last + 1, bytes.length);
  return { offset, bytes: bytes.subarray(offset, end) };
}

/** Keys of a root in listing order. */
export function keysOf(model: BlobModel, root: BlobRoot, kind?: 'static' | 'var'): readonly BlobKey[] {
  const keys = [...(model.get(root)?.keys() ?? [])].filter((key) => kind === undefined || kindOfKey(key) === kind);
  return keys.sort(compareIds);
}
