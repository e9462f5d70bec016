import { type ByteRange, resolveRange } from '@spacestore/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('a byte range', () => {
  const bytes = Uint8Array.from({ length: 9 }, (_, i) => i);
  const cut = (range: ByteRange | undefined, size: number) => {
    const { offset, sizeBytes } = resolveRange(range, size);
    return [...bytes.slice(0, size).subarray(offset, offset + sizeBytes)];
  };

  it('is the slice it names, for every boundary', () => {
    for (let size = 0; size <= bytes.length; size++) {
      const whole = Array.from(bytes.subarray(0, size));
      expect(cut(undefined, size)).toEqual(whole);
      for (let first = 0; first <= size + 2; first++) {
        expect(cut({ first }, size)).toEqual(whole.slice(first));
        expect(cut({ suffix: first }, size)).toEqual(first === 0 ? [] : whole.slice(-first));
        for (let last = first; last <= size + 2; last++) expect(cut({ first, last }, size)).toEqual(whole.slice(first, last + 1));
      }
    }
  });

  it('never leaves the blob', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), fc.nat(1000), (a, b, size) => {
        const { offset, sizeBytes } = resolveRange({ first: Math.min(a, b), last: Math.max(a, b) }, size);
        expect(offset).toBeLessThanOrEqual(size);
        expect(sizeBytes).toBeGreaterThanOrEqual(0);
        expect(offset + sizeBytes).toBeLessThanOrEqual(size);
      }),
      { seed: 11 },
    );
  });

  it.each([{ first: -1 }, { first: 0.5 }, { first: 2, last: 1 }, { suffix: -1 }, { suffix: Number.NaN }, { first: 0, last: Infinity }])(
    'refuses %j',
    (range) => {
      expect(() => resolveRange(range, 5)).toThrow(expect.objectContaining({ code: 'invalid' }));
    },
  );
});
