import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { Connection } from './connection.ts';
import { onServer } from './errors.ts';
import type { Metadata } from './info.ts';
import { servedAt, signedBody } from './requests.ts';

/** Parts on their way at the same time, while another is being filled. */
const parallel = 3;

export interface PartsOptions {
  readonly path: string;
  readonly partBytes: number;
  readonly metadata: Metadata;
  readonly contentType: string | undefined;
}

export interface MadeObject {
  readonly ETag?: string | undefined;
  readonly servedAt: number;
}

/** A large object on its way in parts. Nothing of it is visible before `complete`. */
export interface Parts {
  /** Takes the chunk's bytes; waits while as many parts are on their way as memory is meant for. */
  readonly write: (chunk: Uint8Array) => Promise<void>;
  /** Sends the rest. After it every part is there. */
  readonly flush: () => Promise<void>;
  /** Makes the object of the parts. Throws as the server answers: a condition may not hold. */
  readonly complete: (condition: { readonly IfMatch?: string; readonly IfNoneMatch?: string }) => Promise<MadeObject>;
  /** Removes all parts, unless they have become the object. Without it they lie there, paid and unseen, until they are swept. */
  readonly abort: () => Promise<void>;
}

/** Begins a multipart upload. The buffers are few and used again: a part is copied once, and memory stays the same at any size. (lib-storage joins
 *  chunks anew for each part, and ends an upload whenever its source does.) */
export async function beginParts(connection: Connection, options: PartsOptions): Promise<Parts> {
  const { client, patient, bucket, making, keyed } = connection;
  const { path, partBytes, metadata, contentType } = options;
  const at = { Bucket: bucket, Key: path };
  const made = await onServer(() =>
    client.send(new CreateMultipartUploadCommand({ ...at, ...making, ...keyed, Metadata: metadata, ContentType: contentType })),
  );
  const upload = { ...at, UploadId: made.UploadId };
  const giveUp = new AbortController();
  const free: Buffer[] = [];
  const sending = new Set<Promise<void>>();
  const sent: CompletedPart[] = [];
  let failure: { readonly error: unknown } | undefined;
  let filling: Buffer = Buffer.allocUnsafeSlow(partBytes);
  let count = 0;
  let filled = 0;
  let completed = false;

  const send = async (buffer: Buffer, sizeBytes: number, PartNumber: number): Promise<void> => {
    try {
      const Body = buffer.subarray(0, sizeBytes);
      const command = signedBody(
        new UploadPartCommand({ ...upload, PartNumber, Body, ...keyed }),
        createHash('sha256').update(Body).digest('hex'),
      );
      const { ETag } = await onServer(() => patient.send(command, { abortSignal: giveUp.signal }));
      sent[PartNumber - 1] = { PartNumber, ETag };
      free.push(buffer);
    } catch (error) {
      failure ??= { error };
    }
  };
  const start = (): void => {
    count += 1;
    const mine: Promise<void> = send(filling, filled, count).finally(() => sending.delete(mine));
    sending.add(mine);
    filled = 0;
  };
  const check = (): void => {
    if (failure !== undefined) throw failure.error;
  };

  return {
    write: async (chunk) => {
      for (let from = 0; from < chunk.length; ) {
        check();
        if (filled === partBytes) {
          start();
          while (free.length === 0 && sending.size === parallel && failure === undefined) await Promise.race(sending);
          check();
          filling = free.pop() ?? Buffer.allocUnsafeSlow(partBytes);
        }
        const taken = Math.min(chunk.length - from, partBytes - filled);
        filling.set(chunk.subarray(from, from + taken), filled);
        filled += taken;
        from += taken;
      }
    },
    flush: async () => {
      if (filled > 0) start();
      await Promise.all(sending);
      check();
    },
    complete: async (condition) => {
      const output = await client.send(
        new CompleteMultipartUploadCommand({ ...upload, ...keyed, MultipartUpload: { Parts: sent }, ...condition }),
      );
      completed = true;
      return { ETag: output.ETag, servedAt: servedAt(output) };
    },
    abort: async () => {
      if (completed) return;
      giveUp.abort();
      await Promise.all(sending);
      await onServer(() => client.send(new AbortMultipartUploadCommand(upload)));
    },
  };
}
