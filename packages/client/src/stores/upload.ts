import { type ByteSource, type CallOptions, drainSource, joinBytes, StoreError } from '@spacestore/core';
import { streamsUploads } from '#platform';

/** Sources known to be no larger leave in one piece. */
const wholeBytes = 1024 * 1024;

export type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

/** Sends a source, streamed where it is large and the platform can: what is in memory does not grow with it.
 *  Throws: invalid (not as long as it says), too_large, aborted; an error of the source as it is; what `send` throws. */
export async function upload<Result>(
  source: ByteSource,
  maxBytes: number,
  call: CallOptions | undefined,
  send: (body: Body) => Promise<Result>,
): Promise<Result> {
  if (!streamsUploads || (source.sizeBytes ?? Number.POSITIVE_INFINITY) <= wholeBytes) return send(await gather(source, maxBytes, call));
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  let refused = false;
  const stopped = (cause: unknown): never => {
    refused = true;
    throw new StoreError('unavailable', 'the server stopped reading', { cause });
  };
  const pump = async (): Promise<void> => {
    try {
      await drainSource(source, { maxBytes, call }, (chunk) => writer.write(chunk.slice()).catch(stopped));
      await writer.close().catch(stopped);
    } catch (error) {
      await writer.abort(error).catch(() => undefined); // the reader is gone: its answer tells why
      throw error;
    }
  };
  const [sent, answered] = await Promise.allSettled([pump(), send(readable)]);
  // A source that failed is the reason, whatever the server made of half a body; a server that refused answers for itself.
  if (sent.status === 'rejected' && !refused && answered.status === 'rejected') throw sent.reason as Error;
  if (answered.status === 'rejected') throw answered.reason as Error;
  return answered.value;
}

async function gather(source: ByteSource, maxBytes: number, call: CallOptions | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  const { sizeBytes } = await drainSource(source, { maxBytes, call }, (chunk) => {
    chunks.push(chunk.slice());
  });
  return joinBytes(chunks, sizeBytes) as Uint8Array<ArrayBuffer>;
}
