import { randomUUID } from 'node:crypto';
import { DeleteObjectCommand, GetObjectCommand } from '@aws-sdk/client-s3';
import {
  type BlobInfo,
  type BlobKey,
  type BlobRoot,
  type ByteSource,
  type CallOptions,
  drainSource,
  hasCode,
  idOfKey,
  kindOfKey,
  type PresignedRequest,
  type PresignOptions,
  StoreError,
} from '@spacestore/core';
import { onServer, storeErrorOf } from './errors.ts';
import { metadataOf, typeOf } from './info.ts';
import type { Paths } from './paths.ts';
import { type PutContext, putObject } from './put-object.ts';
import { headFacts, headObject } from './read-object.ts';
import { signGet, signPut } from './sign.ts';

/** What clients send and fetch by URLs of the server itself. */
export interface Uploads {
  readonly presign: (root: BlobRoot, key: BlobKey, options: PresignOptions) => Promise<PresignedRequest>;
  readonly commit: (root: BlobRoot, key: BlobKey, upload: string, call: CallOptions | undefined) => Promise<BlobInfo>;
}

/** An upload that went straight to its key, since the server takes nothing else there. */
const direct = 'direct';
/** One that waits: the name of its object, which tells the length that was granted, so that no other can be claimed for it. */
const waitingPattern = /^(\d{1,16})-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The blob is replaced between the look at it and the commit: it is looked at again. */
const maxTries = 8;

interface Commit {
  readonly root: BlobRoot;
  readonly key: BlobKey;
  readonly upload: string;
  readonly call: CallOptions | undefined;
}

type ObjectFacts = NonNullable<Awaited<ReturnType<typeof headFacts>>>;

export function createUploads(context: PutContext, paths: Paths): Uploads {
  const { connection, behaviour } = context;
  const { client, bucket } = connection;

  const presignPut = async (
    root: BlobRoot,
    key: BlobKey,
    options: PresignOptions & { readonly method: 'PUT' },
  ): Promise<PresignedRequest> => {
    const { sizeBytes, contentType, expiresInMs } = options;
    const expiresAt = Date.now() + expiresInMs;
    const isDirect = kindOfKey(key) === 'static' && behaviour.signedHash !== undefined;
    if (isDirect) {
      const sha256 = idOfKey(key);
      const metadata = metadataOf({ sha256, sizeBytes }, contentType);
      const { signedHash } = behaviour;
      const put = { sizeBytes, contentType, expiresInMs, metadata, signedHash, sha256 };
      return { ...(await signPut(connection, paths.blob(root, key), put)), method: 'PUT', expiresAt, upload: direct };
    }
    const upload = `${sizeBytes}-${randomUUID()}`;
    const metadata = { type: '', ...metadataOf({ sha256: '', sizeBytes }, contentType) }; // signed, so that no client sets another
    const put = { sizeBytes, contentType, expiresInMs, metadata };
    return { ...(await signPut(connection, paths.incoming(root, key, upload), put)), method: 'PUT', expiresAt, upload };
  };

  const remove = (path: string): Promise<unknown> => onServer(() => client.send(new DeleteObjectCommand({ Bucket: bucket, Key: path })));

  /** The bytes that wait. They may be gone as soon as another commit of the same upload is done. */
  const sourceOf = (path: string, sizeBytes: number): ByteSource => ({
    sizeBytes,
    open: async function* () {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: path }));
        yield* Body as unknown as AsyncIterable<Uint8Array>;
      } catch (error) {
        throw storeErrorOf(error);
      }
    },
  });

  /** Puts what waits, unless the blob is another than was seen: whoever repeats a commit that took long puts nothing over what came after it. */
  const promote = async ({ root, key, upload, call }: Commit, facts: ObjectFacts, seen: string | undefined): Promise<BlobInfo> => {
    const from = paths.incoming(root, key, upload);
    const sizeBytes = Number(waitingPattern.exec(upload)?.[1]);
    const source = sourceOf(from, sizeBytes);
    const refuse = async (message: string, cause?: unknown): Promise<never> => {
      await remove(from);
      throw new StoreError('invalid', message, { cause, context: { key, sizeBytes, foundBytes: facts.sizeBytes } });
    };
    if (facts.sizeBytes !== sizeBytes) return refuse('the upload has another length than was granted');
    const contentType = typeOf(facts.Metadata ?? {});
    const unchanged = kindOfKey(key) === 'static' ? {} : seen === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: seen };
    const options = { ...(contentType === undefined ? {} : { contentType }), ...unchanged };
    try {
      const info = await putObject(context, { path: paths.blob(root, key), key, source, options, upload, call });
      await remove(from);
      return info;
    } catch (error) {
      if (!hasCode(error, 'invalid')) throw error;
      // Spoilt on its way here, or sent so? Only what is wrong in the same way again is thrown away.
      const { sha256 } = await drainSource(source, { maxBytes: sizeBytes, call }, () => undefined).catch(() => ({ sha256: undefined }));
      if (sha256 !== undefined && sha256 === error.context.sha256) return refuse('the upload has another sha256 than its key', error);
      throw new StoreError('unavailable', 'the object store gives other bytes each time', { cause: error, context: { key } });
    }
  };

  return {
    presign: async (root, key, options) => {
      if (options.method === 'PUT') return presignPut(root, key, options);
      const expiresAt = Date.now() + options.expiresInMs;
      const url = await signGet(connection, paths.blob(root, key), options.expiresInMs, options.downloadName);
      return { url, method: 'GET', headers: {}, expiresAt };
    },

    commit: async (root, key, upload, call) => {
      const waits = waitingPattern.test(upload);
      if (!waits && upload !== direct) throw notSent(key);
      const from = paths.incoming(root, key, upload);
      for (let tries = 1; tries <= maxTries; tries++) {
        // In this order: somebody else's commit of the same upload is seen at one of the two places.
        const sent = waits ? await headFacts(connection, from, call) : undefined;
        const present = await headObject(connection, paths.blob(root, key), key, call);
        if (present !== undefined && (kindOfKey(key) === 'static' || present.metadata.upload === upload)) {
          if (sent !== undefined) await remove(from);
          return present.info;
        }
        if (sent === undefined) throw notSent(key);
        try {
          return await promote({ root, key, upload, call }, sent, present?.info.version);
        } catch (error) {
          if (!hasCode(error, 'conflict')) throw error;
        }
      }
      throw new StoreError('busy', 'others replaced the blob again and again while the upload was committed', { context: { key } });
    },
  };
}

function notSent(key: BlobKey): StoreError {
  return new StoreError('not_found', 'nothing was sent by this upload', { context: { key } });
}
