import { GetObjectCommand, type GetObjectCommandOutput, HeadBucketCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import {
  type BlobContent,
  type BlobInfo,
  type BlobKey,
  type ByteRange,
  type CallOptions,
  resolveRange,
  StoreError,
  verifiedBody,
} from '@spacestore/core';
import type { Connection } from './connection.ts';
import { isBeyondEnd, isMissing, onServer, storeErrorOf } from './errors.ts';
import { infoOf, type Metadata, type ObjectFacts } from './info.ts';

export interface HeadOfObject {
  readonly info: BlobInfo;
  readonly metadata: Metadata;
}

/** What the server tells of a blob, or undefined if there is none in a bucket that is there. */
export async function headObject(
  connection: Connection,
  path: string,
  key: BlobKey,
  call?: CallOptions,
): Promise<HeadOfObject | undefined> {
  const facts = await headFacts(connection, path, call);
  return facts && { info: infoOf(key, facts), metadata: facts.Metadata ?? {} };
}

/** The same of any object. */
export async function headFacts(connection: Connection, path: string, call?: CallOptions): Promise<ObjectFacts | undefined> {
  const { client, bucket, keyed } = connection;
  return onServer(async () => {
    try {
      const { ContentLength, ...facts } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: path, ...keyed }), signalOf(call));
      return { ...facts, sizeBytes: ContentLength };
    } catch (error) {
      if (!isMissing(error)) throw error;
      await expectBucket(connection); // HEAD has no words: the same 404 for a bucket that is gone
      return undefined;
    }
  });
}

/** Throws: unavailable, unless the bucket is there. */
export async function expectBucket({ client, bucket }: Connection): Promise<void> {
  await client.send(new HeadBucketCommand({ Bucket: bucket })).catch((cause: unknown) => {
    throw new StoreError('unavailable', 'the bucket is not there, or not for these credentials', { cause, context: { bucket } });
  });
}

/** A blob or a part of it. A whole body is proved by its hash; of a part, place and length are. */
export async function getObject(
  connection: Connection,
  path: string,
  key: BlobKey,
  range: ByteRange | undefined,
  call?: CallOptions,
): Promise<BlobContent | undefined> {
  if (range !== undefined && 'suffix' in range && range.suffix === 0) return emptyContent(connection, path, key, range, call);
  try {
    const { client, bucket, keyed } = connection;
    const Range = range === undefined ? undefined : rangeHeader(range);
    return contentOf(key, range, await client.send(new GetObjectCommand({ Bucket: bucket, Key: path, Range, ...keyed }), signalOf(call)));
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (range !== undefined && isBeyondEnd(error)) return emptyContent(connection, path, key, range, call);
    throw storeErrorOf(error);
  }
}

async function emptyContent(
  connection: Connection,
  path: string,
  key: BlobKey,
  range: ByteRange,
  call: CallOptions | undefined,
): Promise<BlobContent | undefined> {
  const found = await headObject(connection, path, key, call);
  if (found === undefined) return undefined;
  const span = resolveRange(range, found.info.sizeBytes);
  if (span.sizeBytes > 0) throw new StoreError('unavailable', 'the object was replaced while it was asked for', { context: { key } });
  return { info: found.info, ...span, body: nothing() };
}

function contentOf(key: BlobKey, range: ByteRange | undefined, output: GetObjectCommandOutput): BlobContent {
  const { ContentRange, ContentLength, Body, ...facts } = output;
  const stream = Body as AsyncIterable<Uint8Array> & { readonly destroy: () => void };
  try {
    const place = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(ContentRange ?? '');
    if ((range !== undefined) !== (place !== null))
      throw new StoreError('unavailable', 'the object store answered with another part than was asked for', { context: { key } });
    const [first, last, total] =
      place === null ? [0, (ContentLength ?? 0) - 1, ContentLength] : (place.slice(1).map(Number) as [number, number, number]);
    const info = infoOf(key, { ...facts, sizeBytes: total });
    const span = { offset: first, sizeBytes: last - first + 1 };
    const asked = resolveRange(range, info.sizeBytes);
    if (span.offset !== asked.offset || span.sizeBytes !== asked.sizeBytes)
      throw new StoreError('unavailable', 'the object store answered with another part than was asked for', { context: { key } });
    const whole = span.sizeBytes === info.sizeBytes;
    return { info, ...span, body: whole ? verifiedBody(chunksOf(stream), info) : exactly(chunksOf(stream), span.sizeBytes) };
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/** The stream's chunks; it is destroyed by whoever leaves them early. */
async function* chunksOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = stream[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (let next = await onServer(() => chunks.next()); !next.done; next = await onServer(() => chunks.next())) yield next.value;
    ended = true;
  } finally {
    if (!ended) await chunks.return?.();
  }
}

async function* exactly(chunks: AsyncIterable<Uint8Array>, sizeBytes: number): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of chunks) {
    seen += chunk.length;
    if (seen > sizeBytes) break;
    yield chunk;
  }
  if (seen !== sizeBytes)
    throw new StoreError('unavailable', 'the answer has another length than it said', { context: { sizeBytes, seen } });
}

function rangeHeader(range: ByteRange): string {
  if ('suffix' in range) return `bytes=-${range.suffix}`;
  return `bytes=${range.first}-${range.last ?? ''}`;
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield* [];
}

export function signalOf(call: CallOptions | undefined): { readonly abortSignal?: AbortSignal } {
  return call?.signal === undefined ? {} : { abortSignal: call.signal };
}
