import { StoreError } from '@spacestore/core';
import type { Compression, Inflate } from '@spacestore/core/sync';
import type { SendSource } from './send-source.ts';

/** What every browser can inflate. */
export const compressions: readonly Compression[] = ['deflate'];

/** Gives up beyond `maxBytes`. */
export const inflate: Inflate = async (how, bytes, maxBytes) => {
  if (how !== 'deflate') throw new StoreError('unsupported', `a browser has no ${how}`);
  const stream = new DecompressionStream('deflate-raw');
  const writer = stream.writable.getWriter();
  // Not awaited before reading: both ends wait for each other once the stream is full. A failure shows at the reader as well.
  const written = Promise.allSettled([writer.write(new Uint8Array(bytes)), writer.close()]);
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = (stream.readable as ReadableStream<Uint8Array>).getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > maxBytes) {
      await reader.cancel();
      throw new StoreError('too_large', 'a compressed page unfolds to too much', { context: { maxBytes } });
    }
    parts.push(next.value);
  }
  await written;
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
};

/** Browsers stream a body over HTTP/2 alone: it is gathered first. */
export const streamsUploads = false;

/** The part of XMLHttpRequest that is used here: the types of a whole browser would let Node's code call what is not there. */
interface XhrLike {
  readonly status: number;
  readonly upload: { onprogress: ((event: { readonly loaded: number }) => void) | null };
  onload: (() => void) | null;
  onerror: (() => void) | null;
  onabort: (() => void) | null;
  readonly open: (method: string, url: string) => void;
  readonly setRequestHeader: (name: string, value: string) => void;
  readonly send: (body: Blob) => void;
  readonly abort: () => void;
}

/** By XMLHttpRequest, since fetch tells nothing of an upload on its way. The source is gathered into a Blob, which the browser may keep on disk. */
export const sendSource: SendSource = async ({ url, headers, source, onProgress }, call) => {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of source.open()) parts.push(new Uint8Array(chunk));
  return new Promise((resolve, reject) => {
    const request = new (globalThis as unknown as { readonly XMLHttpRequest: new () => XhrLike }).XMLHttpRequest();
    const abort = (): void => request.abort();
    const end = (settle: () => void): void => {
      call?.signal?.removeEventListener('abort', abort);
      settle();
    };
    request.open('PUT', url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => onProgress?.(loaded, source.sizeBytes);
    request.onload = () => end(() => resolve(request.status));
    request.onerror = () => end(() => reject(new StoreError('unavailable', 'the file could not be sent')));
    request.onabort = () => end(() => reject(new StoreError('aborted', 'aborted while sending a file')));
    call?.signal?.addEventListener('abort', abort, { once: true });
    request.send(new Blob(parts));
  });
};
