import { randomUUID } from 'node:crypto';
import type { BlobRequestConditions, BlockBlobClient } from '@azure/storage-blob';
import {
  type BlobInfo,
  type BlobKey,
  type ByteSource,
  type CallOptions,
  type ContentDigest,
  checkPutCondition,
  checkStaticContent,
  drainSource,
  kindOfKey,
  type PutOptions,
  StoreError,
  throwIfAborted,
} from '@spacestore/core';
import { type BlobAnswer, ifVersion, infoOf, metadataOf } from './blob-facts.ts';
import { onAzure, saysBlocksGone, saysConflict, strangeAnswer } from './errors.ts';
import { lookAt } from './read-blob.ts';
import { blockId, stageBlocks } from './staged-blocks.ts';

export interface PuttingOptions {
  readonly blockBytes: number;
  readonly parallelBlocks: number;
  readonly maxBlobBytes: number;
}

/** Others' commits throw away the blocks of a put of the same blob, which then begins again. Ends, so that a put never hangs on it. */
const maxTries = 8;

/** Stores a source: staged aside, and there in one step once its hash is right and its condition holds.
 *  `put` names this put: the blob keeps it, and so a lost reply is recognised. */
export async function putBlob(
  blob: BlockBlobClient,
  key: BlobKey,
  source: ByteSource,
  options: PutOptions,
  { blockBytes, parallelBlocks, maxBlobBytes }: PuttingOptions,
  call: CallOptions | undefined,
  put: string = randomUUID(),
): Promise<BlobInfo> {
  for (let tries = 1; tries <= maxTries; tries++) {
    const staging = new AbortController();
    const onAbort = (): void => staging.abort(call?.signal?.reason);
    call?.signal?.addEventListener('abort', onAbort, { once: true });
    const own = { signal: staging.signal };
    /** Looks before much is sent: what would be refused or is there already need not be. */
    const begin = async (): Promise<boolean> => {
      const present = await onAzure(own, (signal) => lookAt(blob, key, signal));
      checkPutCondition(key, options, present?.version);
      return !(kindOfKey(key) === 'static' && present?.info);
    };
    const blocks = stageBlocks(blob, { blockBytes, parallelBlocks, put, begin, call: own }, source.sizeBytes);
    try {
      const digest = await drainSource(source, { maxBytes: maxBlobBytes, call }, blocks.write);
      checkStaticContent(key, digest.sha256);
      const content = await blocks.finish();
      const commit = content && committing(blob, content, metadataOf(digest, put, options.contentType), options.contentType);
      throwIfAborted(call); // from here on its true outcome is told
      const done = await onAzure(undefined, () => settle(blob, key, { ...digest, put }, options, commit));
      if (done) return done;
    } finally {
      staging.abort();
      await blocks.settled();
      call?.signal?.removeEventListener('abort', onAbort);
    }
  }
  throw new StoreError('busy', 'others replaced the blob again and again while it was sent', { context: { key } });
}

type Commit = (conditions: BlobRequestConditions, tries: number) => Promise<BlobAnswer>;

/** Short content goes in one request. Where somebody's staged blocks lie, a create-only one may be refused although there is no blob, for as long as
 *  they lie there: then it goes as a block, which takes their place. */
function committing(
  blob: BlockBlobClient,
  content: { readonly ids: readonly string[] } | { readonly bytes: Uint8Array },
  metadata: Record<string, string>,
  contentType = 'application/octet-stream',
): Commit {
  const blobHTTPHeaders = { blobContentType: contentType };
  return async (conditions, tries) => {
    const options = { conditions, metadata, blobHTTPHeaders };
    if ('ids' in content) return blob.commitBlockList([...content.ids], options);
    const { bytes } = content;
    if (tries === 1) return blob.upload(bytes, bytes.length, options);
    const ids = bytes.length === 0 ? [] : [blockId(metadata.put ?? '', 0)];
    for (const id of ids) await blob.stageBlock(id, bytes, bytes.length);
    return blob.commitBlockList(ids, options);
  };
}

/** Makes content visible if the conditions allow it, and tells what became of it; undefined if the content has to be sent again. */
async function settle(
  blob: BlockBlobClient,
  key: BlobKey,
  wanted: ContentDigest & { readonly put: string },
  options: PutOptions,
  commit: Commit | undefined,
): Promise<BlobInfo | undefined> {
  const fixed = kindOfKey(key) === 'static';
  let conditions: BlobRequestConditions =
    options.ifMatch !== undefined ? ifVersion(options.ifMatch) : fixed || options.ifNoneMatch ? { ifNoneMatch: '*' } : {};
  for (let tries = 1; tries <= maxTries; tries++) {
    let gone = commit === undefined;
    try {
      if (commit) return infoOf(key, committed(await commit(conditions, tries), wanted, options), wanted.sizeBytes);
    } catch (error) {
      gone = saysBlocksGone(error);
      if (!gone && !saysConflict(error)) throw error;
    }
    const present = await lookAt(blob, key);
    if (present?.put === wanted.put && present.info) return present.info; // ours: the reply was lost
    checkPutCondition(key, options, present?.version);
    if (present?.info?.sha256 === wanted.sha256 && (fixed || (gone && options.ifMatch === undefined))) return present.info;
    if (gone) return undefined;
    if (fixed && present) conditions = ifVersion(present.version); // damaged: mended by this put
  }
  return undefined;
}

/** What a blob is like after its commit. */
function committed(answer: BlobAnswer, wanted: ContentDigest & { readonly put: string }, options: PutOptions): BlobAnswer {
  if (answer.etag === undefined || answer.lastModified === undefined) throw strangeAnswer('the version of what was put');
  return { ...answer, metadata: metadataOf(wanted, wanted.put, options.contentType) };
}
