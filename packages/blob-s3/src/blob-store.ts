import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import {
  type BlobEntry,
  type BlobKey,
  type BlobListQuery,
  type BlobRoot,
  type BlobStore,
  type BlobStoreCapabilities,
  blobConflict,
  checkPresignOptions,
  checkPutOptions,
  checkRange,
  createKeyedLock,
  createLifetime,
  kindOfKey,
  pageOf,
  parseBlobKey,
  parseBlobRoot,
  parseLimit,
  StoreError,
} from '@spacestore/core';
import { type Connection, connect } from './connection.ts';
import { isMissing, isPrecondition, onServer } from './errors.ts';
import { listObjects } from './list-objects.ts';
import type { S3BlobOptions } from './options.ts';
import { createPaths, type Paths } from './paths.ts';
import { type Behaviour, inForm, probe } from './probe.ts';
import { maxSingleBytes, type PutContext, putObject } from './put-object.ts';
import { getObject, headObject } from './read-object.ts';
import { dropRoot, sweep } from './sweep.ts';
import { createUploads } from './uploads.ts';

const maxParts = 10_000;
const [minPartBytes, maxPartBytes] = [5 * 2 ** 20, 64 * 2 ** 20];

/** Opens a bucket: tries what the server really does, and removes what crashed uploads left. Throws: invalid, unavailable. */
export async function s3BlobStore(options: S3BlobOptions): Promise<BlobStore> {
  const { partBytes = minPartBytes, staleAfterMs = 24 * 3600 * 1000 } = options;
  if (!Number.isSafeInteger(partBytes) || partBytes < minPartBytes || partBytes > maxPartBytes)
    throw new StoreError('invalid', `a part has ${minPartBytes} to ${maxPartBytes} bytes`);
  const connection = connect(options);
  const paths = createPaths(connection.prefix);
  try {
    const behaviour = await probe(connection, paths.probes);
    if (staleAfterMs !== Infinity) await sweep(connection, paths, Date.now() - staleAfterMs);
    return blobStoreOn({ connection, behaviour, inTurn: createKeyedLock(), partBytes, maxBlobBytes: partBytes * maxParts }, paths);
  } catch (error) {
    connection.close();
    throw error;
  }
}

function capabilitiesOf({ behaviour, connection, maxBlobBytes }: PutContext): BlobStoreCapabilities {
  const { createOnly, compare, deleteConditionally } = behaviour;
  // Where the server does not judge a condition, it is judged between the calls of one store.
  const shared = createOnly && compare !== undefined && deleteConditionally;
  const presign = connection.keyed.SSECustomerKey === undefined; // a URL would have to tell the key
  return {
    durable: 'power',
    multiHandle: shared,
    multiProcess: shared,
    contentType: true,
    presign,
    boundUploads: presign, // the length is among the signed headers
    maxUploadBytes: presign ? Math.min(maxSingleBytes, maxBlobBytes) : 0,
    maxBlobBytes,
  };
}

function blobStoreOn(context: PutContext, paths: Paths): BlobStore {
  const { connection, behaviour, inTurn } = context;
  const capabilities = capabilitiesOf(context);
  const uploads = createUploads(context, paths);
  const lifetime = createLifetime();
  const expectPresign = (): void => {
    if (!capabilities.presign) throw new StoreError('unsupported', 'no URL can be given where every request carries a customer key');
  };

  return {
    contractVersion: 1,
    capabilities,

    put: (root, key, source, putOptions = {}, call) =>
      lifetime.run(call, () => {
        checkNames(root, key);
        checkPutOptions(putOptions);
        return putObject(context, { path: paths.blob(root, key), key, source, options: putOptions, call });
      }),

    get: (root, key, getOptions, call) =>
      lifetime.run(call, () => {
        checkNames(root, key);
        checkRange(getOptions?.range);
        return getObject(connection, paths.blob(root, key), key, getOptions?.range, call);
      }),

    head: (root, key, call) =>
      lifetime.run(call, async () => {
        checkNames(root, key);
        return (await headObject(connection, paths.blob(root, key), key, call))?.info;
      }),

    list: (root, query, call) =>
      lifetime.run(call, async () => {
        parseBlobRoot(root);
        const limit = parseLimit(query.limit);
        const rows: BlobEntry[] = [];
        for await (const entry of listBlobs(connection, paths, root, { ...query, limit })) if (rows.push(entry) > limit) break;
        const page = pageOf(rows, limit, (entry) => entry.key);
        return page.next && query.kind !== undefined ? { ...page, next: { ...page.next, kind: query.kind } } : page;
      }),

    delete: (root, key, deleteOptions, call) =>
      lifetime.run(call, () => {
        checkNames(root, key);
        return inTurn(paths.blob(root, key), () => deleteBlob(connection, behaviour, paths.blob(root, key), key, deleteOptions?.ifMatch));
      }),

    presign: (root, key, presignOptions, call) =>
      lifetime.run(call, () => {
        checkNames(root, key);
        expectPresign();
        checkPresignOptions(presignOptions, capabilities);
        return uploads.presign(root, key, presignOptions);
      }),

    commit: (root, key, upload, call) =>
      lifetime.run(call, () => {
        checkNames(root, key);
        expectPresign();
        return uploads.commit(root, key, upload, call);
      }),

    drop: (root, call) => lifetime.run(call, () => dropRoot(connection, paths, parseBlobRoot(root))),

    close: () => lifetime.close(connection.close),
  };
}

function checkNames(root: BlobRoot, key: BlobKey): void {
  parseBlobRoot(root);
  parseBlobKey(key);
}

/** The blobs of a root in byte order of their keys: names of objects have the same order. */
async function* listBlobs(
  connection: Connection,
  paths: Paths,
  root: BlobRoot,
  { kind, after, limit }: BlobListQuery,
): AsyncGenerator<BlobEntry> {
  for (const each of ['static', 'var'] as const) {
    if (kind !== undefined && kind !== each) continue;
    const folder = paths.folder(root, each);
    const isOfKind = after?.startsWith(`${each}/`) === true;
    if (after !== undefined && !isOfKind && after > `${each}/`) continue; // behind all of this kind
    const id = isOfKind ? after.slice(each.length + 1) : '';
    const start = isOfKind ? `${folder}${id.slice(0, 2)}/${id.slice(2)}` : undefined;
    for await (const { path, sizeBytes, modifiedAt } of listObjects(connection, folder, { after: start, pageSize: limit + 1 })) {
      const key = paths.keyAt(root, path);
      if (key !== undefined && kindOfKey(key) === each && (after === undefined || key > after)) yield { key, sizeBytes, modifiedAt };
    }
  }
}

async function deleteBlob(
  connection: Connection,
  { compare, deleteConditionally }: Behaviour,
  path: string,
  key: BlobKey,
  ifMatch: string | undefined,
): Promise<void> {
  const { client, bucket } = connection;
  return onServer(async () => {
    if (ifMatch !== undefined) {
      const present = await headObject(connection, path, key);
      if (present === undefined) return;
      if (present.info.version !== ifMatch) throw blobConflict(key, present.info.version);
    }
    const judged = ifMatch !== undefined && deleteConditionally && compare !== undefined;
    try {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: path, ...(judged && { IfMatch: inForm(ifMatch, compare) }) }));
    } catch (error) {
      if (isMissing(error)) return; // gone meanwhile
      if (!isPrecondition(error)) throw error;
      const present = await headObject(connection, path, key);
      if (present !== undefined) throw blobConflict(key, present.info.version);
    }
  });
}
