import type { ByteRange } from '@spacestore/core';
import fc from 'fast-check';
import { brief, equalBytes } from '../../check/digest.ts';
import { holds, refused, same, show } from '../../check/expect.ts';
import { contentOf, mutableKey, plainSource, rootOf } from '../../gen/blob-store.ts';
import { sliceOf } from '../../model/blob-store.ts';
import type { Law } from '../../spec/law.ts';
import { readBlob } from './reading.ts';

const rangeSizes = [0, 1, 2, 10, 4096, 65_539, 131_072] as const;

/** Offsets where ranges go wrong in a blob of this size. */
const offsetsOf = (size: number): readonly number[] =>
  [0, 1, size - 2, size - 1, size, size + 1, 4095, 4096, 65_535, 65_536, size * 2 + 3, Number.MAX_SAFE_INTEGER].filter(
    (offset) => offset >= 0,
  );

const notRanges: readonly unknown[] = [
  { first: -1 },
  { first: 0.5 },
  { first: Number.NaN },
  { first: 2 ** 53 },
  { first: '0' },
  { first: 5, last: 3 },
  { first: 0, last: 1.5 },
  { first: 0, last: -1 },
  { suffix: -1 },
  { suffix: 1.5 },
  { suffix: Number.POSITIVE_INFINITY },
];

const ranges: Law<'blob-store'> = {
  id: 'BL-08',
  kind: 'blob-store',
  group: 'ranges',
  title: 'a range gives exactly its slice: cut at the end, empty beyond it; what is no range is `invalid`',
  why: 'A player or a resumed download that gets a byte too many or too few puts a broken file together.',
  floors: { 'ranges cut at the end': { count: 4 }, 'ranges inside': { count: 10 }, suffixes: { count: 10 } },
  run: async (context) => {
    const { store } = await context.shared();
    const root = rootOf('ranges');
    for (const size of rangeSizes) await store.put(root, mutableKey(size), plainSource(contentOf(3, size)));
    await context.check(
      fc.record({ size: fc.constantFrom(...rangeSizes), a: fc.nat(50), b: fc.nat(50), form: fc.nat(3) }),
      async ({ size, a, b, form }, run) => {
        const bytes = contentOf(3, size);
        const range = rangeOf(size, form, a, b);
        const expected = sliceOf(bytes, range);
        run.say(`get ${show(range)} of ${size} bytes`);
        run.count('suffixes', 'suffix' in range);
        run.count('ranges cut at the end', 'last' in range && range.first < size && (range.last ?? 0) >= size);
        run.count('ranges inside', expected.bytes.length > 0 && expected.bytes.length < size);
        const found = await readBlob(store, root, mutableKey(size), range);
        holds(found !== undefined, 'there is no blob');
        holds(equalBytes(found.bytes, expected.bytes), `expected ${brief(expected.bytes)}, got ${brief(found.bytes)}`);
        same(found.info.sizeBytes, size, 'size of the whole blob, told beside a range');
        if (expected.bytes.length > 0) same(found.offset, expected.offset, 'offset');
      },
      { runs: 120 },
    );
    await context.example(async (run) => {
      for (const range of notRanges) {
        run.say(`get ${show(range)}`);
        await refused(store.get(root, mutableKey(10), { range: range as ByteRange }), `range ${show(range)}`, 'invalid');
      }
      same(await store.get(root, mutableKey(77), { range: { first: 0 } }), undefined, 'a range of no blob');
    });
  },
};

function rangeOf(size: number, form: number, a: number, b: number): ByteRange {
  const offsets = offsetsOf(size);
  const pick = (n: number): number => offsets[n % offsets.length] as number;
  if (form === 0) return { suffix: pick(a) };
  if (form === 1) return { first: pick(a) };
  const [first, last] = [pick(a), pick(b)].sort((x, y) => x - y) as [number, number];
  return { first, last };
}

export const rangeLaws: readonly Law<'blob-store'>[] = [ranges];
