import type { BlockBlobClient } from '@azure/storage-blob';
import {
  type BlobInfo,
  type BlobKey,
  type ByteRange,
  type ByteSpan,
  type ContentDigest,
  hasCode,
  resolveRange,
  StoreError,
  verifiedBody,
} from '@spacestore/core';
import { ifVersion, infoOf, versionOf } from './blob-facts.ts';
import { asStoreError, saysConflict, saysNoBlob, strangeAnswer, understood } from './errors.ts';

/** A blob as the service tells it. */
export interface SeenBlob {
  readonly version: string;
  /** Which put wrote it. */
  readonly put: string | undefined;
  /** Undefined if what is stored is not what was put. */
  readonly info: BlobInfo | undefined;
}

export async function lookAt(blob: BlockBlobClient, key: BlobKey, abortSignal?: AbortSignal): Promise<SeenBlob | undefined> {
  const answer = await unlessMissing(blob.getProperties({ ...(abortSignal && { abortSignal }) }));
  if (!answer) return undefined;
  if (answer.etag === undefined) throw strangeAnswer('the version of a blob');
  const seen = { version: versionOf(answer.etag), put: answer.metadata?.put };
  try {
    return { ...seen, info: infoOf(key, answer) };
  } catch (error) {
    if (hasCode(error, 'corrupt')) return { ...seen, info: undefined };
    throw error;
  }
}

/** What `get` tells without the body. Throws: corrupt. */
export async function infoNow(blob: BlockBlobClient, key: BlobKey, abortSignal: AbortSignal): Promise<BlobInfo | undefined> {
  const answer = await unlessMissing(blob.getProperties({ abortSignal }));
  return answer && infoOf(key, answer);
}

export interface OpenedBlob {
  readonly info: BlobInfo;
  readonly span: ByteSpan;
  /** On its way already; undefined for an empty stretch. */
  readonly stream: NodeJS.ReadableStream | undefined;
}

/** A blob is replaced between the look at it and the reading of a part of it: then its new content is looked at. Ends. */
const maxTries = 8;

/** A blob with its content under way. A part needs a look at the whole first: the service tells no length beside the end of a blob, and knows no suffix. */
export async function openBlob(
  blob: BlockBlobClient,
  key: BlobKey,
  range: ByteRange | undefined,
  abortSignal: AbortSignal,
): Promise<OpenedBlob | undefined> {
  if (range === undefined) {
    const answer = await unlessMissing(
      understood('the content of a blob', blob.download(0, undefined, { abortSignal, maxRetryRequests: 0 })),
    );
    if (!answer) return undefined;
    const stream = answer.readableStreamBody;
    if (stream === undefined) throw strangeAnswer('the content of a blob');
    try {
      const info = infoOf(key, answer);
      return { info, span: resolveRange(range, info.sizeBytes), stream };
    } catch (error) {
      destroy(stream);
      throw error;
    }
  }
  for (let tries = 1; tries <= maxTries; tries++) {
    const info = await infoNow(blob, key, abortSignal);
    if (!info) return undefined;
    const span = resolveRange(range, info.sizeBytes);
    if (span.sizeBytes === 0) return { info, span, stream: undefined };
    try {
      const options = { abortSignal, maxRetryRequests: 0, conditions: ifVersion(info.version) };
      const { readableStreamBody: stream, contentLength } = await understood(
        'the part of a blob',
        blob.download(span.offset, span.sizeBytes, options),
      );
      if (stream === undefined || contentLength !== span.sizeBytes) throw strangeAnswer('the part of a blob');
      return { info, span, stream };
    } catch (error) {
      if (!saysConflict(error) && !saysNoBlob(error)) throw error;
    }
  }
  throw new StoreError('busy', 'others replaced the blob again and again while a part of it was asked for', { context: { key } });
}

/** The content, read once. With `expected` the whole of it is checked. `release` runs once, at the end or when the reader leaves, also
 *  before its first step (a generator alone would not notice that). */
export function bodyOf(
  stream: NodeJS.ReadableStream | undefined,
  sizeBytes: number,
  expected: ContentDigest | undefined,
  { started, release }: { readonly started: () => void; readonly release: () => void },
): AsyncIterable<Uint8Array> {
  const plain = chunksOf(stream, sizeBytes);
  const chunks = expected ? verifiedBody(plain, expected) : plain;
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        started();
        try {
          const next = await chunks.next();
          if (next.done) release();
          return next;
        } catch (error) {
          release();
          throw error;
        }
      },
      return: async () => {
        release();
        await chunks.return(undefined);
        return { done: true, value: undefined };
      },
    }),
  };
}

/** A connection that ends early is `unavailable`, not `corrupt`: what is stored may be whole. */
export async function* chunksOf(stream: NodeJS.ReadableStream | undefined, sizeBytes: number): AsyncGenerator<Uint8Array> {
  let seen = 0;
  try {
    for await (const chunk of stream ?? []) {
      seen += chunk.length;
      yield chunk as Uint8Array;
    }
  } catch (error) {
    throw asStoreError(error);
  }
  if (seen !== sizeBytes) throw strangeAnswer('a part of the content');
}

export function destroy(stream: NodeJS.ReadableStream | undefined): void {
  (stream as (NodeJS.ReadableStream & { destroy?: () => void }) | undefined)?.destroy?.();
}

/** The answer, or undefined if the service says that there is no such blob. */
export async function unlessMissing<Answer>(request: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await request;
  } catch (error) {
    if (saysNoBlob(error)) return undefined;
    throw error;
  }
}
