import { promisify } from 'node:util';
import { inflateRaw, zstdDecompress } from 'node:zlib';
import { StoreError } from '@spacestore/core';
import type { Compression, Inflate } from '@spacestore/core/sync';
import type { SendSource } from './send-source.ts';

const inflateRawAsync = promisify(inflateRaw);
const zstdAsync = promisify(zstdDecompress);

/** What every supported Node can inflate, best first. */
export const compressions: readonly Compression[] = ['zstd', 'deflate'];

/** Beyond this a page is inflated in several pieces: what a server claims is not worth more memory before it came. */
const largestPiece = 1024 * 1024;

/** Off the event loop, a page in one piece: with the library's usual 16 KB each piece is a trip to a thread and back. Gives up beyond `maxBytes`. */
export const inflate: Inflate = (how, bytes, maxBytes) => {
  const options = { maxOutputLength: maxBytes, chunkSize: Math.min(maxBytes, largestPiece) + 64 };
  return how === 'zstd' ? zstdAsync(bytes, options) : inflateRawAsync(bytes, options);
};

/** A body may be sent while it is still being read. */
export const streamsUploads = true;

/** Streams: what is in memory does not grow with the source. Object stores want to know the length beforehand. */
export const sendSource: SendSource = async ({ url, headers, source, onProgress }, call) => {
  const { sizeBytes } = source;
  let failure: { readonly error: unknown } | undefined;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    let sentBytes = 0;
    try {
      for await (const chunk of source.open()) {
        yield chunk.slice();
        sentBytes += chunk.length;
        onProgress?.(sentBytes, sizeBytes);
      }
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  try {
    const response = await fetch(url, {
      method: 'PUT',
      headers: { ...headers, 'content-length': String(sizeBytes) },
      redirect: 'error',
      ...(sizeBytes > 0 && { body: ReadableStream.from(counted()), duplex: 'half' as const }),
      ...(call?.signal && { signal: call.signal }),
    } as RequestInit);
    await response.body?.cancel();
    return response.status;
  } catch (cause) {
    if (failure) throw failure.error;
    if (call?.signal?.aborted) throw new StoreError('aborted', 'aborted while sending a file', { cause });
    throw new StoreError('unavailable', 'the file could not be sent', { cause });
  }
};
