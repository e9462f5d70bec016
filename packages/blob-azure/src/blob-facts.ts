import { type BlobInfo, type BlobKey, idOfKey, kindOfKey, StoreError } from '@spacestore/core';
import { strangeAnswer } from './errors.ts';

/** Answers to a look at a blob, with or without its content. */
export interface BlobAnswer {
  readonly etag?: string;
  readonly lastModified?: Date;
  readonly contentLength?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What is kept beside a blob: hash and length of what was put, which put it was, and its type. The type is encoded, because header lines lose spaces at their ends; the blob's own Content-Type is for those who ask the service. */
export function metadataOf(
  digest: { readonly sha256: string; readonly sizeBytes: number },
  put: string,
  contentType: string | undefined,
): Record<string, string> {
  return {
    sha256: digest.sha256,
    size: String(digest.sizeBytes),
    put,
    ...(contentType !== undefined && { type: encodeURIComponent(contentType) }),
  };
}

/** The facts of a blob whose content is `contentLength` long. Throws: corrupt, if it is not the length it was put with, belongs to another key,
 *  or has no hash although its key is none. */
export function infoOf(key: BlobKey, answer: BlobAnswer, contentLength: number | undefined = answer.contentLength): BlobInfo {
  const { etag, lastModified, metadata = {} } = answer;
  if (etag === undefined || lastModified === undefined || contentLength === undefined) throw strangeAnswer('the facts of a blob');
  const { sha256 = kindOfKey(key) === 'static' ? idOfKey(key) : undefined, size = String(contentLength), type } = metadata;
  if (sha256 === undefined || (kindOfKey(key) === 'static' && sha256 !== idOfKey(key)) || size !== String(contentLength))
    throw new StoreError('corrupt', 'the stored content is not what was put', { context: { key, size, foundBytes: contentLength } });
  return {
    key,
    sizeBytes: contentLength,
    sha256,
    version: versionOf(etag),
    modifiedAt: lastModified.getTime(),
    ...(type !== undefined && { contentType: decodeURIComponent(type) }),
  };
}

/** An ETag without its quotes, which are the header's. */
export function versionOf(etag: string): string {
  return etag.replace(/^"|"$/g, '');
}

/** The condition that a blob still has this version. A text that can't be one becomes one that no blob has. */
export function ifVersion(version: string): { readonly ifMatch: string } {
  return { ifMatch: `"${/^[\x21\x23-\x7e]{1,200}$/.test(version) ? version : 'none'}"` };
}
