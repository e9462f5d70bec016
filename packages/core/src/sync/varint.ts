import { StoreError } from '../errors.ts';

/** Bytes being written: grows as needed. Owned by one encoder call. */
export interface ByteSink {
  bytes: Uint8Array;
  at: number;
}

/** Bytes being read: nothing at or beyond `end` is touched. Owned by one decoder call. */
export interface ByteSource {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
}

export function byteSink(expectedBytes: number): ByteSink {
  return { bytes: new Uint8Array(Math.max(64, expectedBytes)), at: 0 };
}

export function byteSource(bytes: Uint8Array, at = 0): ByteSource {
  return { bytes, at, end: bytes.length };
}

/** What was written so far, without copying. */
export function sunk(sink: ByteSink): Uint8Array {
  return sink.bytes.subarray(0, sink.at);
}

/** Makes room for so many more bytes. */
export function reserve(sink: ByteSink, count: number): void {
  const needed = sink.at + count;
  if (needed <= sink.bytes.length) return;
  const grown = new Uint8Array(Math.max(needed, sink.bytes.length * 2));
  grown.set(sink.bytes.subarray(0, sink.at));
  sink.bytes = grown;
}

export function putByte(sink: ByteSink, value: number): void {
  reserve(sink, 1);
  sink.bytes[sink.at++] = value;
}

export function putBytes(sink: ByteSink, bytes: Uint8Array): void {
  reserve(sink, bytes.length);
  sink.bytes.set(bytes, sink.at);
  sink.at += bytes.length;
}

/** An integer from 0 to 2^53 − 1, seven bits a byte, least significant first, in as few bytes as it takes. Source: LEB128, DWARF 5, section 7.6. */
export function putVarint(sink: ByteSink, value: number): void {
  reserve(sink, 8);
  let rest = value;
  while (rest >= 0x80) {
    sink.bytes[sink.at++] = (rest % 0x80) | 0x80;
    rest = rest < 0x80000000 ? rest >>> 7 : Math.floor(rest / 0x80);
  }
  sink.bytes[sink.at++] = rest;
}

/** A short ASCII string with its length before it. */
export function putAscii(sink: ByteSink, text: string): void {
  putVarint(sink, text.length);
  reserve(sink, text.length);
  for (let i = 0; i < text.length; i++) sink.bytes[sink.at++] = text.charCodeAt(i);
}

export function takeByte(source: ByteSource): number {
  if (source.at >= source.end) throw cutShort();
  return source.bytes[source.at++] as number;
}

/** A view into the source, not a copy. */
export function takeBytes(source: ByteSource, count: number): Uint8Array {
  if (count > source.end - source.at) throw cutShort();
  const start = source.at;
  source.at += count;
  return source.bytes.subarray(start, source.at);
}

/** Throws: invalid, for more than 2^53 − 1, for a longer spelling than needed, and at the end of the bytes. */
export function takeVarint(source: ByteSource): number {
  const first = takeByte(source);
  if (first < 0x80) return first;
  let value = first & 0x7f;
  let scale = 0x80;
  for (let length = 2; length <= 8; length++) {
    const byte = takeByte(source);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (byte === 0 || value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    scale *= 0x80;
  }
  throw new StoreError('invalid', 'a number in a frame is too large or not in its shortest form');
}

/** Throws: invalid, past `max` bytes or for a byte that is not ASCII. */
export function takeAscii(source: ByteSource, max: number): string {
  const length = takeVarint(source);
  if (length > max || length > source.end - source.at) throw cutShort();
  let text = '';
  for (let i = 0; i < length; i++) {
    const byte = source.bytes[source.at++] as number;
    if (byte >= 0x80) throw new StoreError('invalid', 'a name in a frame is not ASCII');
    text += String.fromCharCode(byte);
  }
  return text;
}

function cutShort(): StoreError {
  return new StoreError('invalid', 'a frame is cut short, or a length in it is wrong');
}
