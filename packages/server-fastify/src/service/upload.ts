import { type ByteSource, StoreError } from '@spacestore/core';

/** Bytes that come once, from a client. */
export interface Upload {
  readonly body: AsyncIterable<Uint8Array>;
  /** As the client announced it; the bytes must then be exactly that many. */
  readonly sizeBytes?: number;
}

/** The upload as a source. It can't be read twice: a store that would retry is told so, and the client sends again.
 *  Throws while reading: too_large past `maxBytes`, aborted, invalid if it has another length than announced. */
export function uploadSource(
  upload: Upload,
  maxBytes: number,
  signal?: AbortSignal,
  onBytes?: (total: number) => Promise<void> | void,
): ByteSource {
  let opened = false;
  return {
    ...(upload.sizeBytes !== undefined && { sizeBytes: upload.sizeBytes }),
    open: () => {
      if (opened) throw new StoreError('unavailable', 'the upload broke off and has to be sent again');
      opened = true;
      return bounded(upload, maxBytes, signal, onBytes);
    },
  };
}

async function* bounded(
  { body, sizeBytes }: Upload,
  maxBytes: number,
  signal: AbortSignal | undefined,
  onBytes: ((total: number) => Promise<void> | void) | undefined,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  const stopped = (cause: unknown): StoreError => new StoreError('aborted', 'the upload was broken off', { cause });
  try {
    for await (const chunk of body) {
      if (signal?.aborted) throw stopped(signal.reason);
      total += chunk.length;
      if (total > maxBytes) throw new StoreError('too_large', 'too many bytes', { context: { maxBytes } });
      await onBytes?.(total);
      yield chunk;
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE' ? stopped(error) : error;
  }
  if (sizeBytes !== undefined && total !== sizeBytes)
    throw new StoreError('invalid', 'the upload has another length than announced', { context: { sizeBytes, received: total } });
}
