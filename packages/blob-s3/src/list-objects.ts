import { AbortMultipartUploadCommand, DeleteObjectsCommand, ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { type CallOptions, StoreError } from '@spacestore/core';
import type { Connection } from './connection.ts';
import { isMissing, onServer } from './errors.ts';
import { signalOf } from './read-object.ts';

export interface ListedObject {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAt: number;
}

/** The most that one request lists or deletes. */
const maxBatch = 1000;

export interface ListOptions {
  /** Only what comes behind it. */
  readonly after?: string | undefined;
  /** How many are wanted at least at a time. */
  readonly pageSize?: number;
  readonly call?: CallOptions | undefined;
}

/** Every object whose name begins so, in byte order of names; asked for page by page. */
export async function* listObjects(
  { client, bucket }: Connection,
  prefix: string,
  { after, pageSize = maxBatch, call }: ListOptions = {},
): AsyncGenerator<ListedObject> {
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      MaxKeys: Math.min(pageSize, maxBatch),
      StartAfter: after,
      ContinuationToken: token,
    });
    const page = await onServer(() => client.send(command, signalOf(call)));
    for (const { Key, Size, LastModified } of page.Contents ?? []) {
      if (Key === undefined || Size === undefined || LastModified === undefined)
        throw new StoreError('unavailable', 'the object store lists an object without name, length or time');
      yield { path: Key, sizeBytes: Size, modifiedAt: LastModified.getTime() };
    }
    if (page.IsTruncated === true && page.NextContinuationToken === undefined)
      throw new StoreError('unavailable', 'the object store cut a listing and does not say how to go on');
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

/** None of them is there. Throws: unavailable, if the server could not remove one. */
export async function deleteObjects({ client, bucket }: Connection, paths: AsyncIterable<string>): Promise<void> {
  let batch: string[] = [];
  const remove = async (): Promise<void> => {
    if (batch.length === 0) return;
    const Delete = { Objects: batch.map((Key) => ({ Key })), Quiet: true };
    batch = [];
    const { Errors = [] } = await onServer(() => client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete })));
    const [first] = Errors;
    if (first !== undefined)
      throw new StoreError('unavailable', 'the object store could not remove some objects', {
        context: { error: first.Code, count: Errors.length },
      });
  };
  for await (const path of paths) if (batch.push(path) === maxBatch) await remove();
  await remove();
}

/** Ends unfinished multipart uploads that are wanted to end, and removes their parts. */
export async function abortUploads(
  { client, bucket }: Connection,
  prefix: string,
  wanted: (path: string, begunAt: number) => boolean,
): Promise<void> {
  let [KeyMarker, UploadIdMarker]: readonly (string | undefined)[] = [];
  do {
    const page = await onServer(() =>
      client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, KeyMarker, UploadIdMarker })),
    );
    for (const { Key = '', UploadId, Initiated } of page.Uploads ?? [])
      if (Initiated !== undefined && wanted(Key, Initiated.getTime()))
        await onServer(() => client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId })).catch(unlessMissing));
    [KeyMarker, UploadIdMarker] = page.IsTruncated === true ? [page.NextKeyMarker, page.NextUploadIdMarker] : [];
  } while (KeyMarker !== undefined);
}

function unlessMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}
