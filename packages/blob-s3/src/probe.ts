import { createHash, randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { StoreError } from '@spacestore/core';
import type { Connection } from './connection.ts';
import { isMissing, isPrecondition, onServer, statusOf } from './errors.ts';
import type { Headers } from './requests.ts';
import { signedBody } from './requests.ts';
import { signPut } from './sign.ts';

/** How a server wants the tag it is to compare: some compare the header as text, and never find their own tag between quotes. */
export type TagForm = 'quoted' | 'bare';

/** What a server was seen to do. */
export interface Behaviour {
  /** `If-None-Match: *` lets one writer through. */
  readonly createOnly: boolean;
  /** `If-Match` lets a writer through that names the present tag in this form, and no other writer. */
  readonly compare: TagForm | undefined;
  /** Both hold for the end of a multipart upload, too. */
  readonly completeConditionally: boolean;
  /** `If-Match` of a deletion is heeded. */
  readonly deleteConditionally: boolean;
  /** A presigned PUT takes no other body than was signed, and no header of Amazon's that was not: by what the hash is signed. */
  readonly signedHash: 'payload' | 'checksum' | undefined;
}

/** Tries on small objects of its own, which it removes, what the server does with conditions and signed hashes.
 *  Throws: unavailable, if the bucket can't be written and read; then nothing is known. */
export async function probe(connection: Connection, folder: string): Promise<Behaviour> {
  const { client, bucket, keyed } = connection;
  const [plain, parts, upload] = ['plain', 'parts', 'upload'].map((name) => `${folder}${randomUUID()}-${name}`) as [string, string, string];
  const at = (Key: string) => ({ Bucket: bucket, Key });
  const put = async (
    Key: string,
    text: string,
    condition: { IfMatch?: string; IfNoneMatch?: string } = {},
  ): Promise<string | undefined> => {
    const command = new PutObjectCommand({ ...at(Key), Body: Buffer.from(text), ...connection.making, ...keyed, ...condition });
    return unlessRefused(async () => (await client.send(signedBody(command, hashOf(text)))).ETag);
  };
  const completed = async (condition: { IfMatch?: string; IfNoneMatch?: string }): Promise<boolean> => {
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at(parts), ...connection.making, ...keyed }));
    const { ETag } = await client.send(
      new UploadPartCommand({ ...at(parts), UploadId, PartNumber: 1, Body: Buffer.from('part'), ...keyed }),
    );
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    const done = await unlessRefused(() =>
      client.send(new CompleteMultipartUploadCommand({ ...at(parts), UploadId, MultipartUpload, ...condition })),
    );
    if (done === undefined) await client.send(new AbortMultipartUploadCommand({ ...at(parts), UploadId })).catch(ignoreMissing);
    return done !== undefined;
  };
  const isThere = async (Key: string): Promise<boolean> => {
    try {
      await client.send(new HeadObjectCommand({ ...at(Key), ...keyed }));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  };

  const compares = async (form: TagForm): Promise<boolean> => {
    const first = (await put(plain, 'one')) ?? fail();
    const second = await put(plain, 'two', { IfMatch: inForm(first, form) });
    if (second === undefined) return false; // the positive case: a server that refuses everything compares nothing
    return (await put(plain, 'three', { IfMatch: inForm(first, form) })) === undefined;
  };
  const deletes = async (form: TagForm): Promise<boolean> => {
    const first = (await put(plain, 'one')) ?? fail();
    const second = (await put(plain, 'two')) ?? fail();
    const gone = (tag: string) =>
      unlessRefused(async () => (await client.send(new DeleteObjectCommand({ ...at(plain), IfMatch: inForm(tag, form) }))) && true);
    if ((await gone(first)) === true || !(await isThere(plain))) return false;
    return (await gone(second)) === true && !(await isThere(plain));
  };
  const enforces = async (how: 'payload' | 'checksum'): Promise<boolean> => {
    const body = 'signed';
    const send = async (text: string, more: Headers): Promise<boolean> => {
      const { url, headers } = await signPut({ ...connection, signer: client }, upload, {
        sizeBytes: body.length,
        signedHash: how,
        sha256: hashOf(body),
        expiresInMs: 60_000,
      });
      const status = await sendTo(connection, url, { ...headers, ...more, 'content-length': String(text.length) }, text);
      if (status >= 500) throw new StoreError('unavailable', `the object store answered ${status}`);
      return status < 300;
    };
    if ((await send('forged', {})) || (await isThere(upload))) return false;
    if ((await send(body, { 'x-amz-meta-unsigned': '1' })) || (await isThere(upload))) return false;
    return (await send(body, {})) && isThere(upload);
  };

  return onServer(async () => {
    try {
      const createOnly =
        (await put(plain, 'one', { IfNoneMatch: '*' })) !== undefined && (await put(plain, 'two', { IfNoneMatch: '*' })) === undefined;
      const compare = (await compares('quoted')) ? 'quoted' : (await compares('bare')) ? 'bare' : undefined;
      const completeConditionally =
        createOnly &&
        compare !== undefined &&
        (await completed({ IfNoneMatch: '*' })) &&
        !(await completed({ IfNoneMatch: '*' })) &&
        !(await completed({ IfMatch: inForm('"0"', compare) }));
      const deleteConditionally = compare !== undefined && (await deletes(compare));
      const signedHash =
        keyed.SSECustomerKey !== undefined
          ? undefined
          : (await enforces('payload'))
            ? 'payload'
            : (await enforces('checksum'))
              ? 'checksum'
              : undefined;
      return { createOnly, compare, completeConditionally, deleteConditionally, signedHash };
    } finally {
      for (const Key of [plain, parts, upload]) await client.send(new DeleteObjectCommand(at(Key)));
    }
  });
}

/** Puts to a URL as a client would, and tells the status. By the SDK's own connections: `fetch` would take 17 MB of memory for it. */
async function sendTo({ client }: Connection, url: string, headers: Headers, body: string): Promise<number> {
  const { protocol, hostname, port, host, pathname, search } = new URL(url);
  const request = {
    method: 'PUT',
    protocol,
    hostname,
    ...(port !== '' && { port: Number(port) }),
    path: pathname + search,
    query: {},
    headers: { host, ...headers },
    body,
  };
  const { response } = await client.config.requestHandler.handle(request as Parameters<typeof client.config.requestHandler.handle>[0]);
  (response.body as Readable).resume();
  return response.statusCode;
}

/** A tag as a header of this server wants it. */
export function inForm(tag: string, form: TagForm): string {
  const bare = bareTag(tag);
  return form === 'quoted' ? `"${bare}"` : bare;
}

export function bareTag(tag: string): string {
  return tag.replace(/^"(.*)"$/, '$1');
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Undefined where a condition did not hold, or is not understood. */
async function unlessRefused<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isPrecondition(error) || isMissing(error) || statusOf(error) === 409 || statusOf(error) === 501) return undefined;
    throw error;
  }
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}

function fail(): never {
  throw new StoreError('unavailable', 'the object store refuses a put without a condition');
}
