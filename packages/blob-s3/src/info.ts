import { type BlobInfo, type BlobKey, idOfKey, kindOfKey, StoreError } from '@spacestore/core';
import { bareTag } from './probe.ts';

/** What an object carries beside its bytes, because the server tells none of it: hash and length of the content, its type word for word,
 *  and the upload it came from. */
export type Metadata = Readonly<Record<string, string>>;

export function metadataOf(
  { sha256, sizeBytes }: { readonly sha256: string; readonly sizeBytes: number | undefined },
  contentType: string | undefined,
  upload?: string,
): Metadata {
  return {
    sha256,
    ...(sizeBytes !== undefined && { size: String(sizeBytes) }),
    ...(contentType !== undefined && { type: encodeURIComponent(contentType) }), // HTTP cuts blanks at the ends, and servers have types of their own
    ...(upload !== undefined && { upload }),
  };
}

/** The type an object carries. Throws: corrupt. */
export function typeOf({ type }: Metadata): string | undefined {
  try {
    return type === undefined || type === '' ? undefined : decodeURIComponent(type);
  } catch (cause) {
    throw new StoreError('corrupt', 'the object carries a type that is none', { cause });
  }
}

/** What the server tells of an object. */
export interface ObjectFacts {
  /** Of the whole object. */
  readonly sizeBytes: number | undefined;
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
  readonly Metadata?: Metadata | undefined;
}

/** Throws: corrupt, for an object that is cut, or that nobody can prove. */
export function infoOf(key: BlobKey, { sizeBytes, ETag, LastModified, Metadata = {} }: ObjectFacts): BlobInfo {
  if (sizeBytes === undefined || ETag === undefined || LastModified === undefined)
    throw new StoreError('unavailable', 'the object store does not tell length, tag and time of an object', { context: { key } });
  const { sha256: kept, size } = Metadata;
  const sha256 = kindOfKey(key) === 'static' ? idOfKey(key) : kept;
  if (sha256 === undefined)
    throw new StoreError('corrupt', 'the object carries no sha256: it was not put by this store', { context: { key } });
  if (size !== undefined && size !== String(sizeBytes))
    throw new StoreError('corrupt', 'the object has another length than was put', { context: { key, size, foundBytes: sizeBytes } });
  const contentType = typeOf(Metadata);
  const version = bareTag(ETag);
  return { key, sizeBytes, sha256, version, modifiedAt: LastModified.getTime(), ...(contentType !== undefined && { contentType }) };
}
