import { type BlobKey, type BlobRoot, type ByteSource, parseBlobRoot, staticKey, varKey } from '@spacestore/core';
import fc from 'fast-check';
import { digestOf } from '../check/digest.ts';

/** Sizes at which chunked stores break: nothing, one byte, and around every usual chunk. */
export const edgeSizes: readonly number[] = [0, 1, 2, 4095, 4096, 4097, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 262_145];
/** Around usual part sizes: for the full profile. */
export const largeSizes: readonly number[] = [1_048_575, 1_048_577, 5_242_879, 5_242_880, 5_242_881, 8_388_607, 8_388_609];

/** Content by number: the same number and size give the same bytes, other numbers give others (from one byte on, up to 256 of them). Source: xorshift32. */
export function contentOf(number: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let state = (number + 1) * 0x9e3779b1;
  for (let at = 0; at < sizeBytes; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 0xff;
  }
  if (sizeBytes > 0) bytes[0] = number & 0xff;
  return bytes;
}

export const keyOfContent = (bytes: Uint8Array): BlobKey => staticKey(digestOf(bytes));

/** The k-th mutable file. Neighbours share long prefixes, so that a listing by prefix can confuse them. */
export const mutableKey = (k: number): BlobKey => varKey(`00000000-0000-4000-8000-${k.toString(16).padStart(12, '0')}`);

export const rootOf = (name: string): BlobRoot => parseBlobRoot(`kit/${name}`);

/** A small size, with the edges often. */
export const sizeArbitrary = (max: number): fc.Arbitrary<number> =>
  fc.oneof(
    { withCrossShrink: true },
    fc.nat({ max: Math.min(max, 300) }),
    fc.constantFrom(...edgeSizes.filter((size) => size <= max)),
    fc.nat({ max }),
  );

/** Where to cut a content into chunks, as thousandths of its length; equal neighbours make empty chunks. */
export const cutsArbitrary: fc.Arbitrary<readonly number[]> = fc.array(fc.oneof(fc.nat({ max: 1000 }), fc.constantFrom(0, 500, 1000)), {
  maxLength: 6,
  size: 'max',
});

/** The content in chunks cut at these thousandths: an empty content still yields its empty chunks. */
export function chunksOf(bytes: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] {
  const places = [0, ...cuts.map((cut) => Math.floor((bytes.length * cut) / 1000)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

export const chunkedSource = (bytes: Uint8Array, cuts: readonly number[], stated: boolean): ByteSource => ({
  ...(stated ? { sizeBytes: bytes.length } : {}),
  open: async function* () {
    yield* chunksOf(bytes, cuts);
  },
});

export const plainSource = (bytes: Uint8Array): ByteSource => chunkedSource(bytes, [500], true);
