import { Readable } from 'node:stream';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import {
  type BlobInfo,
  type BlobKey,
  type ByteSource,
  blobConflict,
  type CallOptions,
  type ContentDigest,
  checkPutCondition,
  checkStaticContent,
  hasCode,
  type KeyedLock,
  kindOfKey,
  type PutOptions,
  StoreError,
} from '@spacestore/core';
import type { Connection } from './connection.ts';
import { isMissing, isPrecondition, onServer } from './errors.ts';
import { gather, type Overflow } from './gather.ts';
import { infoOf, metadataOf } from './info.ts';
import { type Behaviour, inForm } from './probe.ts';
import { beginParts, type MadeObject, type Parts } from './put-parts.ts';
import { headObject } from './read-object.ts';
import { servedAt, signedBody } from './requests.ts';
import { openSpool, type Spool } from './spool.ts';

export interface PutContext {
  readonly connection: Connection;
  readonly behaviour: Behaviour;
  /** Decides between the calls of this store alone, where the server decides nothing. */
  readonly inTurn: KeyedLock;
  readonly partBytes: number;
  readonly maxBlobBytes: number;
}

export interface Put {
  readonly path: string;
  readonly key: BlobKey;
  readonly source: ByteSource;
  readonly options: PutOptions;
  /** The upload it makes a blob of. */
  readonly upload?: string;
  readonly call: CallOptions | undefined;
}

interface Condition {
  readonly IfMatch?: string;
  readonly IfNoneMatch?: string;
}

type Send = (condition: Condition) => Promise<MadeObject>;

/** What one request may carry on any S3. */
export const maxSingleBytes: number = 5 * 2 ** 30;
const tagPattern = /^[\x21\x23-\x7e]{1,256}$/;
/** A blob may go between the refusal of a put and the look at it: once more, then without asking, since the content is the same. */
const maxTries = 2;

/** Stores the source's bytes: in one request where they are few; static ones in parts, made an object once the hash is proved;
 *  others, whose hash the object has to carry from the beginning, by way of this machine's disk. */
export async function putObject(context: PutContext, put: Put): Promise<BlobInfo> {
  const { connection, behaviour, partBytes, maxBlobBytes } = context;
  const { key, source, options, path, call } = put;
  const isStatic = kindOfKey(key) === 'static';
  const hasCondition = options.ifMatch !== undefined || options.ifNoneMatch !== undefined;
  let parts: Parts | undefined;
  let spool: Spool | undefined;
  let kept: BlobInfo | undefined;
  const begin = async (): Promise<Overflow> => {
    const present = isStatic
      ? await presentStatic(context, put)
      : hasCondition
        ? (await headObject(connection, path, key, call))?.info
        : undefined;
    checkPutCondition(key, options, present?.version); // before the bytes are sent in vain
    kept = isStatic ? present : undefined;
    if (kept !== undefined) return { write: async () => undefined }; // hashed all the same: other content is refused
    if (isStatic && (!hasCondition || behaviour.completeConditionally))
      parts = await partsFor(context, put, { sha256: key.slice(7), sizeBytes: source.sizeBytes });
    else spool = await openSpool();
    return (parts ?? spool) as Overflow;
  };
  try {
    const { bytes, ...digest } = await gather(source, partBytes, { maxBytes: maxBlobBytes, call }, begin);
    checkStaticContent(key, digest.sha256);
    if (kept !== undefined) return kept;
    if (bytes !== undefined) return await finish(context, put, digest, true, single(context, put, digest, bytes));
    if (spool !== undefined && (!hasCondition || behaviour.completeConditionally)) {
      parts = await partsFor(context, put, digest);
      for await (const piece of spool.read()) await parts.write(piece);
    }
    if (parts !== undefined) {
      await parts.flush();
      return await finish(context, put, digest, hasCondition && behaviour.completeConditionally, parts.complete);
    }
    if (digest.sizeBytes > maxSingleBytes)
      throw new StoreError('unsupported', 'this server can not replace so large a blob under a condition', { context: { key, ...digest } });
    const body = (spool as Spool).read;
    return await finish(context, put, digest, true, single(context, put, digest, body));
  } finally {
    await parts?.abort().then(undefined, () => undefined); // what can't be removed now is swept later
    await spool?.close();
  }
}

function partsFor(
  { connection, partBytes }: PutContext,
  { path, options: { contentType }, upload }: Put,
  { sha256, sizeBytes }: { readonly sha256: string; readonly sizeBytes: number | undefined },
): Promise<Parts> {
  const metadata = metadataOf({ sha256, sizeBytes }, contentType, upload);
  return beginParts(connection, { path, partBytes, metadata, contentType });
}

/** One request with the whole content, whose hash is signed. */
function single(
  { connection: { client, bucket, making, keyed } }: PutContext,
  { path, options: { contentType }, upload }: Put,
  digest: ContentDigest,
  content: Uint8Array | (() => AsyncIterable<Uint8Array>),
): Send {
  return async (condition) => {
    const command = new PutObjectCommand({
      Bucket: bucket,
      Key: path,
      Body: content instanceof Uint8Array ? content : Readable.from(content(), { objectMode: false }),
      ContentLength: digest.sizeBytes,
      ContentType: contentType,
      Metadata: metadataOf(digest, contentType, upload),
      ...making,
      ...keyed,
      ...condition,
    });
    const output = await client.send(signedBody(command, digest.sha256));
    return { ETag: output.ETag, servedAt: servedAt(output) };
  };
}

/** Sends the request that makes the object, under the put's condition: by the server's own judgement where it was seen to judge
 *  (`heeded`), else by a look before, one call of this store after the other. */
async function finish(context: PutContext, put: Put, digest: ContentDigest, heeded: boolean, send: Send): Promise<BlobInfo> {
  const { connection, inTurn } = context;
  const { key, path, options, upload } = put;
  const made = async ({ ETag, servedAt: time }: MadeObject): Promise<BlobInfo> => {
    const Metadata = metadataOf(digest, options.contentType, upload);
    if (ETag) return infoOf(key, { sizeBytes: digest.sizeBytes, ETag, LastModified: new Date(time), Metadata });
    const found = await headObject(connection, path, key); // Ceph tells no tag at the end of a multipart upload
    if (found?.info.sha256 === digest.sha256) return found.info;
    throw new StoreError('unavailable', 'the blob was replaced before its version could be told', { context: { key } });
  };
  return inTurn(path, () =>
    onServer(async () => {
      if (kindOfKey(key) === 'static') {
        const present = await finishStatic(context, put, heeded, send);
        return 'key' in present ? present : made(present);
      }
      const condition = heeded ? conditionOf(context, options) : undefined;
      if (condition === undefined) checkPutCondition(key, options, (await headObject(connection, path, key))?.info.version);
      return made(await sendUnder(context, put, condition ?? {}, send));
    }),
  );
}

/** The condition as headers, or undefined where this server does not judge it. No condition is one that holds. */
function conditionOf({ behaviour }: PutContext, { ifMatch, ifNoneMatch }: PutOptions): Condition | undefined {
  if (ifNoneMatch !== undefined) return behaviour.createOnly ? { IfNoneMatch: '*' } : undefined;
  if (ifMatch === undefined) return {};
  return behaviour.compare !== undefined && tagPattern.test(ifMatch) ? { IfMatch: inForm(ifMatch, behaviour.compare) } : undefined;
}

/** Throws: conflict, where the server says that the condition does not hold. */
async function sendUnder({ connection }: PutContext, { path, key }: Put, condition: Condition, send: Send): Promise<MadeObject> {
  try {
    return await send(condition);
  } catch (error) {
    const refused = isPrecondition(error) || (condition.IfMatch !== undefined && isMissing(error));
    if (!refused) throw error;
    throw blobConflict(key, (await headObject(connection, path, key))?.info.version);
  }
}

/** Static content is made once: what is there stays, unless it is damaged. */
async function finishStatic(context: PutContext, put: Put, heeded: boolean, send: Send): Promise<BlobInfo | MadeObject> {
  const { connection, behaviour } = context;
  const { key, path, options } = put;
  const { ifMatch, ifNoneMatch } = options;
  const judged = heeded && behaviour.createOnly;
  if (ifNoneMatch !== undefined && judged) return sendUnder(context, put, { IfNoneMatch: '*' }, send);
  if (ifMatch !== undefined || ifNoneMatch !== undefined) {
    const present = await headObject(connection, path, key);
    checkPutCondition(key, options, present?.info.version);
    return present?.info ?? send({});
  }
  for (let tries = 1; judged && tries <= maxTries; tries++) {
    try {
      return await send({ IfNoneMatch: '*' });
    } catch (error) {
      if (!isPrecondition(error)) throw error;
    }
    const present = await presentStatic(context, put);
    if (present !== undefined) return present;
  }
  return send({});
}

/** The content that is there already; none where it is cut, so that this put mends it. */
async function presentStatic({ connection }: PutContext, { path, key, call }: Put): Promise<BlobInfo | undefined> {
  try {
    return (await headObject(connection, path, key, call))?.info;
  } catch (error) {
    if (hasCode(error, 'corrupt')) return undefined;
    throw error;
  }
}
