import { type BlobKey, idOfKey, kindOfKey } from './blob-key.ts';
import type { BlobStoreCapabilities, PresignOptions, PutOptions } from './contracts/blob-store.ts';
import { StoreError } from './errors.ts';

const contentTypePattern = /^[\x20-\x7e]{1,255}$/;

/** Throws: invalid, for options no store can honour. */
export function checkPutOptions(options: PutOptions | undefined): void {
  if (options?.contentType !== undefined && !contentTypePattern.test(options.contentType))
    throw new StoreError('invalid', 'a content type is 1 to 255 printable ASCII characters');
  if (options?.ifMatch !== undefined && options.ifNoneMatch !== undefined)
    throw new StoreError('invalid', 'ifMatch and ifNoneMatch exclude each other');
  if (options?.ifMatch !== undefined && typeof options.ifMatch !== 'string') throw new StoreError('invalid', 'ifMatch is a version');
  if (options?.ifNoneMatch !== undefined && options.ifNoneMatch !== '*') throw new StoreError('invalid', "ifNoneMatch is '*'");
}

const [minExpiryMs, maxExpiryMs] = [1000, 7 * 24 * 3600 * 1000];

/** Throws: invalid, for options no store can honour; too_large, for an upload past `maxUploadBytes`. */
export function checkPresignOptions(options: PresignOptions, { maxUploadBytes }: Pick<BlobStoreCapabilities, 'maxUploadBytes'>): void {
  const { method, expiresInMs } = options;
  if (!Number.isSafeInteger(expiresInMs) || expiresInMs < minExpiryMs || expiresInMs > maxExpiryMs)
    throw new StoreError('invalid', `a URL is good for ${minExpiryMs} to ${maxExpiryMs} whole milliseconds`);
  switch (method) {
    case 'GET':
      if (options.downloadName !== undefined && (options.downloadName === '' || options.downloadName.length > 255))
        throw new StoreError('invalid', 'a download name has 1 to 255 characters');
      return;
    case 'PUT':
      checkPutOptions(options.contentType === undefined ? {} : { contentType: options.contentType });
      if (!Number.isSafeInteger(options.sizeBytes) || options.sizeBytes < 0)
        throw new StoreError('invalid', 'an upload states its length in bytes');
      if (options.sizeBytes > maxUploadBytes)
        throw new StoreError('too_large', `an upload has at most ${maxUploadBytes} bytes`, { context: { maxBytes: maxUploadBytes } });
      return;
    default:
      throw new StoreError('invalid', 'a URL is for GET or PUT');
  }
}

/** Throws: conflict, if the blob that is there now (undefined for none) is not the one the caller means to replace. */
export function checkPutCondition(key: BlobKey, options: PutOptions | undefined, present: string | undefined): void {
  if (options?.ifNoneMatch === '*' && present !== undefined) throw blobConflict(key, present);
  if (options?.ifMatch !== undefined && options.ifMatch !== present) throw blobConflict(key, present);
}

/** Throws: invalid, if content under a static key has another hash. */
export function checkStaticContent(key: BlobKey, sha256: string): void {
  if (kindOfKey(key) === 'static' && idOfKey(key) !== sha256)
    throw new StoreError('invalid', 'the content does not have the sha256 of its key', { context: { key, sha256 } });
}

export function blobConflict(key: BlobKey, version: string | undefined): StoreError {
  return new StoreError('conflict', version === undefined ? 'there is no such blob' : 'the blob has another version', {
    context: version === undefined ? { key } : { key, version },
  });
}
