import { inflateRawSync, inflateSync, constants as zlib, zstdDecompressSync } from 'node:zlib';

/** Bytes that a store left behind: a file, a log line, an error message, the printed form of an object. */
export interface Trail {
  readonly where: string;
  readonly bytes: Uint8Array;
}

/** Where a planted value was found, and in which disguise. */
export interface Leak {
  readonly canary: string;
  readonly where: string;
  readonly form: string;
}

interface Needle {
  readonly form: string;
  /** Which view of a trail is searched: the bytes as they are, or as text without blanks, commas and line ends, in lower case. */
  readonly view: 'bytes' | 'squeezed';
  readonly bytes: Buffer;
}

const maxInflatedBytes = 64 * 1024 * 1024;
/** How often compressed bytes are looked for inside compressed bytes. */
const maxDepth = 2;

/** Every trace of the canaries in the trails, also inside compressed parts. Canaries are named by `label`, never printed.
 *  Law: whatever `disguises` can produce is found at any offset. */
export function findLeaks(trails: readonly Trail[], canaries: ReadonlyMap<string, Uint8Array>): readonly Leak[] {
  const needles = [...canaries].map(([label, canary]) => ({ label, needles: needlesOf(Buffer.from(canary)) }));
  return trails.flatMap((trail) => layersOf(trail, 0).flatMap((layer) => search(layer, needles)));
}

function search(trail: Trail, all: readonly { readonly label: string; readonly needles: readonly Needle[] }[]): readonly Leak[] {
  const bytes = asBuffer(trail.bytes);
  const views = {
    bytes,
    squeezed: Buffer.from(
      bytes
        .toString('latin1')
        .replaceAll(/[\s,]+/g, '')
        .toLowerCase(),
      'latin1',
    ),
  };
  return all.flatMap(({ label, needles }) =>
    needles.filter((needle) => views[needle.view].includes(needle.bytes)).map(({ form }) => ({ canary: label, where: trail.where, form })),
  );
}

function needlesOf(canary: Buffer): readonly Needle[] {
  const text = canary.toString('utf8');
  const isText = Buffer.from(text, 'utf8').equals(canary);
  const latin = canary.toString('latin1');
  const bytes: Needle[] = [
    needle('bytes', canary),
    needle('reversed', Buffer.from(canary).reverse()),
    needle('utf8 of latin1', Buffer.from(latin, 'utf8')),
    ...wide(isText ? text : latin),
    needle('JSON string', jsonEscaped(isText ? text : latin)),
    needle('JSON \\u escapes', Buffer.from([...latin].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''))),
    needle('percent-encoded', Buffer.from(isText ? encodeURIComponent(text) : [...canary].map(percent).join(''))),
    ...[0, 1, 2].flatMap((shift) => base64At(canary, shift)),
  ];
  const squeezed = [
    { form: 'hex', view: 'squeezed' as const, bytes: Buffer.from(canary.toString('hex')) },
    // A printed or JSON array of numbers: separators are squeezed out, so only a run of many numbers is telling.
    { form: 'decimal numbers', view: 'squeezed' as const, bytes: Buffer.from([...canary].join('')) },
  ];
  return [...unique(bytes), ...squeezed];
}

function needle(form: string, bytes: Buffer): Needle {
  return { form, view: 'bytes', bytes };
}

function wide(text: string): readonly Needle[] {
  const little = Buffer.from(text, 'utf16le');
  return [needle('utf16le', little), needle('utf16be', Buffer.from(little).swap16())];
}

function percent(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

function jsonEscaped(text: string): Buffer {
  return Buffer.from(JSON.stringify(text).slice(1, -1), 'utf8');
}

/** The characters of base64 that depend on the canary alone when it begins `shift` bytes into a group of three. */
function base64At(canary: Buffer, shift: number): readonly Needle[] {
  const encoded = Buffer.concat([Buffer.alloc(shift), canary])
    .toString('base64')
    .replaceAll('=', '');
  const first = Math.ceil((shift * 8) / 6);
  const last = Math.floor(((shift + canary.length) * 8) / 6);
  const core = encoded.slice(first, last);
  const url = core.replaceAll('+', '-').replaceAll('/', '_');
  return [needle(`base64, alignment ${shift}`, Buffer.from(core)), needle(`base64url, alignment ${shift}`, Buffer.from(url))];
}

function unique(needles: readonly Needle[]): readonly Needle[] {
  return needles.filter((one, at) => needles.findIndex((other) => other.bytes.equals(one.bytes)) === at);
}

/** The trail and everything that inflates out of it. */
function layersOf(trail: Trail, depth: number): readonly Trail[] {
  if (depth === maxDepth) return [trail];
  const bytes = asBuffer(trail.bytes);
  const inside = [...inflated(bytes)].map(({ at, form, bytes: content }) => ({
    where: `${trail.where} (${form} at ${at})`,
    bytes: content,
  }));
  return [trail, ...inside.flatMap((layer) => layersOf(layer, depth + 1))];
}

interface Inflated {
  readonly at: number;
  readonly form: string;
  readonly bytes: Buffer;
}

function* inflated(bytes: Buffer): Generator<Inflated> {
  const whole = attempt(() => inflateRawSync(bytes, sync));
  if (whole !== undefined && whole.length > 0) yield { at: 0, form: 'deflate', bytes: whole };
  for (let at = 0; at + 4 < bytes.length; at++) {
    const form = compressionAt(bytes, at);
    if (form === undefined) continue;
    const content = attempt(() => decompress[form](bytes.subarray(at)));
    if (content !== undefined && content.length > 0) yield { at, form, bytes: content };
  }
}

/** A stream that was cut still gives what it had. */
const sync = { finishFlush: zlib.Z_SYNC_FLUSH, maxOutputLength: maxInflatedBytes };

const decompress = {
  // Past the header by itself: a gunzip takes what follows the end for a second, broken member.
  gzip: (bytes: Buffer): Buffer => inflateRawSync(bytes.subarray(gzipHeaderBytes(bytes)), sync),
  zlib: (bytes: Buffer): Buffer => inflateSync(bytes, sync),
  zstd: (bytes: Buffer): Buffer => zstdDecompressSync(bytes, { maxOutputLength: maxInflatedBytes }),
};

/** Source: RFC 1952, section 2.3. */
function gzipHeaderBytes(bytes: Buffer): number {
  const flags = bytes[3] ?? 0;
  let at = 10;
  if (flags & 4) at += 2 + (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0);
  for (const text of [8, 16]) if (flags & text) at = bytes.indexOf(0, at) + 1 || bytes.length;
  return flags & 2 ? at + 2 : at;
}

function compressionAt(bytes: Buffer, at: number): keyof typeof decompress | undefined {
  const [a, b] = [bytes[at] ?? 0, bytes[at + 1] ?? 0];
  if (a === 0x1f && b === 0x8b && bytes[at + 2] === 8) return 'gzip';
  if (a === 0x78 && (a * 256 + b) % 31 === 0 && (b & 0x20) === 0) return 'zlib';
  if (a === 0x28 && b === 0xb5 && bytes[at + 2] === 0x2f && bytes[at + 3] === 0xfd) return 'zstd';
  return undefined;
}

function attempt(inflate: () => Buffer): Buffer | undefined {
  try {
    return inflate();
  } catch (error) {
    // Bytes that merely look compressed: they were searched as they are.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
