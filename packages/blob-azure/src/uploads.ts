import { randomUUID } from 'node:crypto';
import type { BlockBlobClient, ContainerClient } from '@azure/storage-blob';
import {
  type BlobInfo,
  type BlobKey,
  type BlobRoot,
  blobPath,
  type CallOptions,
  checkPutOptions,
  contentDisposition,
  hasCode,
  keyOfBlobPath,
  kindOfKey,
  type PresignedRequest,
  type PresignOptions,
  type PutOptions,
  StoreError,
} from '@spacestore/core';
import { ifVersion, versionOf } from './blob-facts.ts';
import { onAzure, saysConflict, saysNoBlob, understood } from './errors.ts';
import { type PuttingOptions, putBlob } from './put-blob.ts';
import { chunksOf, lookAt, unlessMissing } from './read-blob.ts';
import type { SignUrl } from './sign-url.ts';

/** Longest content of one request. */
export const maxRequestBytes: number = 5000 * 2 ** 20;

/** Above all roots and no root itself, so that one rule of the account can clear away what nobody committed. */
const waiting = '.incoming';

/** What clients send by themselves lies at `.incoming/<root>/<path of the key>/<id>.<length>` until it is committed: root, key and length are
 *  part of the name, which the URL's signature covers. */
export function uploadsFolder(top: string, root: BlobRoot): string {
  return `${top}${waiting}/${root}`;
}

interface Upload {
  readonly id: string;
  readonly sizeBytes: number;
  readonly contentType?: string;
}

/** The token: what the name ends with, and the type behind it. */
const token = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(0|[1-9][0-9]{0,15})(?:\.([A-Za-z0-9_-]{1,340}))?$/;

function parseUpload(upload: string): Upload {
  const [, id, length, type] = (typeof upload === 'string' && token.exec(upload)) || [];
  if (id === undefined) throw new StoreError('invalid', 'an upload is what presign told');
  const contentType = type === undefined ? undefined : Buffer.from(type, 'base64url').toString('latin1');
  checkPutOptions(contentType === undefined ? {} : { contentType });
  return { id, sizeBytes: Number(length), ...(contentType !== undefined && { contentType }) };
}

/** Whether a name the service lists below `uploadsFolder` is an upload of this root, and not of a root inside it. */
export function isUpload(folder: string, name: string): boolean {
  const at = name.lastIndexOf('/');
  return token.test(name.slice(at + 1)) && keyOfBlobPath('object', name.slice(folder.length + 1, at)) !== undefined;
}

function uploadAt({ container, top, root, key }: UploadPlace, { id, sizeBytes }: Upload): BlockBlobClient {
  return container.getBlockBlobClient(`${uploadsFolder(top, root)}/${blobPath('object', key)}/${id}.${sizeBytes}`);
}

/** The place of a blob, and where what was sent for it waits. */
export interface UploadPlace {
  readonly container: ContainerClient;
  readonly top: string;
  readonly root: BlobRoot;
  readonly key: BlobKey;
  readonly blob: BlockBlobClient;
}

/** A URL for a client that sends or fetches by itself. */
export async function presignUrl(sign: SignUrl, at: UploadPlace, options: PresignOptions): Promise<PresignedRequest> {
  const { method, expiresInMs } = options;
  if (method === 'GET') {
    const read = { contentDisposition: contentDisposition(options.downloadName) };
    return { ...(await sign(at.blob, { read }, expiresInMs)), method, headers: {} };
  }
  const { sizeBytes, contentType } = options;
  const upload: Upload = { id: randomUUID(), sizeBytes };
  const signed = await sign(uploadAt(at, upload), 'create', expiresInMs);
  const type = contentType === undefined ? '' : `.${Buffer.from(contentType, 'latin1').toString('base64url')}`;
  return { ...signed, method, headers: { 'x-ms-blob-type': 'BlockBlob' }, upload: `${upload.id}.${sizeBytes}${type}` };
}

/** Somebody else replaced the blob between the look at it and the commit: it is looked at again. Ends. */
const maxTries = 8;

/** Makes the blob of what was sent, by reading it and putting it: what is visible then is what was counted and hashed, whatever became of the
 *  upload meanwhile. A commit that was repeated because it took long never puts its content over what came after. */
export async function commitUpload(
  at: UploadPlace,
  upload: string,
  putting: PuttingOptions,
  call: CallOptions | undefined,
): Promise<BlobInfo> {
  const { key, blob } = at;
  const parsed = parseUpload(upload);
  const sent = uploadAt(at, parsed);
  const remove = (): Promise<unknown> => onAzure(undefined, () => unlessMissing(sent.delete({ deleteSnapshots: 'include' })));
  let readWrong = false;
  for (let tries = 1; tries <= maxTries; tries++) {
    // In this order: somebody else's commit of the same upload is seen at one of the two places.
    const found = await onAzure(call, (abortSignal) => unlessMissing(sent.getProperties({ abortSignal })));
    const present = await onAzure(call, (abortSignal) => lookAt(blob, key, abortSignal));
    if (present?.info && (kindOfKey(key) === 'static' || present.put === parsed.id)) {
      if (found) await remove();
      return present.info;
    }
    if (!found) throw new StoreError('not_found', 'nothing was sent for this upload', { context: { key } });
    if (found.contentLength !== parsed.sizeBytes) {
      await remove();
      const context = { key, sizeBytes: found.contentLength };
      throw new StoreError('invalid', 'the upload is not as long as it was granted', { context });
    }
    const source = { sizeBytes: parsed.sizeBytes, open: () => contentOf(sent, versionOf(found.etag ?? ''), parsed.sizeBytes) };
    try {
      const info = await putBlob(blob, key, source, { ...typeOf(parsed), ...unchanged(key, present?.version) }, putting, call, parsed.id);
      await remove();
      return info;
    } catch (error) {
      if (!hasCode(error, 'conflict', 'invalid')) throw error;
      if (hasCode(error, 'invalid') && readWrong) {
        await remove();
        throw error;
      }
      readWrong ||= hasCode(error, 'invalid'); // what came over a wire may be wrong once: it is read again before it is thrown away
    }
  }
  throw new StoreError('busy', 'others replaced the blob again and again while the upload was committed', { context: { key } });
}

function typeOf({ contentType }: Upload): PutOptions {
  return contentType === undefined ? {} : { contentType };
}

/** The condition that a mutable blob is still as it was seen. */
function unchanged(key: BlobKey, version: string | undefined): PutOptions {
  if (kindOfKey(key) === 'static') return {};
  return version === undefined ? { ifNoneMatch: '*' } : { ifMatch: version };
}

async function* contentOf(sent: BlockBlobClient, version: string, sizeBytes: number): AsyncGenerator<Uint8Array> {
  const answer = await onAzure(undefined, async () => {
    try {
      return await understood(
        'the content of an upload',
        sent.download(0, undefined, { maxRetryRequests: 0, conditions: ifVersion(version) }),
      );
    } catch (error) {
      if (saysNoBlob(error) || saysConflict(error)) throw new StoreError('busy', 'the upload is being committed by somebody else');
      throw error;
    }
  });
  yield* chunksOf(answer.readableStreamBody, sizeBytes);
}
