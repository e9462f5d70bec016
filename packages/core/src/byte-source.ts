import { bytesToHex } from '@noble/hashes/utils.js';
import { createSha256 } from '#sha256';
import { type CallOptions, throwIfAborted } from './call.ts';
import type { ByteSource } from './contracts/blob-store.ts';
import { StoreError } from './errors.ts';
import { orAborted } from './or-aborted.ts';

const chunkBytes = 64 * 1024;

/** A source over a copy of these bytes: the caller may change them afterwards. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  const copy = bytes.slice();
  return {
    sizeBytes: copy.length,
    open: async function* () {
      for (let at = 0; at < copy.length; at += chunkBytes) yield copy.slice(at, at + chunkBytes);
    },
  };
}

/** The whole stream as one array. Throws: too_large past `maxBytes`; an error of the stream as it is. */
export async function readAll(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return joinBytes(chunks, sizeBytes);
}

export interface ContentDigest {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface DrainOptions {
  readonly maxBytes: number;
  readonly call?: CallOptions | undefined;
}

/** Hands every chunk of a source to `write`, one after the other, and tells what went through. A chunk is only good until `write` resolves.
 *  The source is left (`return`) on every failure, also while it is waiting.
 *  Throws: too_large past `maxBytes`, invalid if the source is not as long as it says or yields no bytes, aborted; errors of source and `write` as they are. */
export async function drainSource(
  source: ByteSource,
  options: DrainOptions,
  write: (chunk: Uint8Array) => Promise<void> | void,
): Promise<ContentDigest> {
  const { maxBytes, call } = options;
  throwIfAborted(call);
  if (source.sizeBytes !== undefined && source.sizeBytes > maxBytes) throw tooLarge(maxBytes);
  const chunks = source.open()[Symbol.asyncIterator]();
  const hash = createSha256();
  let sizeBytes = 0;
  let exhausted = false;
  try {
    for (;;) {
      const next = await orAborted(chunks.next(), call);
      if (next.done) break;
      const chunk: unknown = next.value;
      if (!(chunk instanceof Uint8Array)) throw new StoreError('invalid', 'a byte source yields Uint8Arrays');
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw tooLarge(maxBytes);
      if (chunk.length === 0) continue;
      hash.update(chunk);
      await write(chunk);
    }
    exhausted = true;
  } finally {
    if (!exhausted) leave(chunks);
  }
  if (source.sizeBytes !== undefined && source.sizeBytes !== sizeBytes)
    throw new StoreError('invalid', 'the source is not as long as it said', { context: { stated: source.sizeBytes, sizeBytes } });
  return { sizeBytes, sha256: bytesToHex(hash.digest()) };
}

/** The same chunks, checked: the last one is held back until length and hash of all are right, so that wrong content is never
 *  delivered whole. Throws: corrupt. */
export async function* verifiedBody(body: AsyncIterable<Uint8Array>, expected: ContentDigest): AsyncGenerator<Uint8Array> {
  const hash = createSha256();
  let sizeBytes = 0;
  let held: Uint8Array | undefined;
  for await (const chunk of body) {
    if (held !== undefined) yield held;
    hash.update(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > expected.sizeBytes) throw corruptContent(expected, sizeBytes);
    held = chunk;
  }
  if (sizeBytes !== expected.sizeBytes || bytesToHex(hash.digest()) !== expected.sha256) throw corruptContent(expected, sizeBytes);
  if (held !== undefined) yield held;
}

/** Tells a stream that nobody reads on. Not awaited: one that hangs must not hold its reader, and its complaint has no reader left. */
function leave(chunks: AsyncIterator<Uint8Array>): void {
  chunks.return?.().then(undefined, () => undefined);
}

/** One array of the chunks, whose lengths add up to `sizeBytes`. */
export function joinBytes(chunks: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function tooLarge(maxBytes: number): StoreError {
  return new StoreError('too_large', `more than ${maxBytes} bytes`, { context: { maxBytes } });
}

/** `corrupt`: what is stored is not what was put. */
export function corruptContent(expected: ContentDigest, sizeBytes: number): StoreError {
  return new StoreError('corrupt', 'the stored content is not what was put', { context: { ...expected, foundBytes: sizeBytes } });
}
