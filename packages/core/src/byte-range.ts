import type { ByteRange } from './contracts/blob-store.ts';
import { StoreError } from './errors.ts';

/** A stretch of a blob: the offset of its first byte and its length. */
export interface ByteSpan {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Refuses what is no range at all, before anything is looked up.
 *  Throws: invalid, for offsets that are not integers from 0 on, or a last byte before the first. */
export function checkRange(range: ByteRange | undefined): void {
  if (range === undefined) return;
  const good =
    'suffix' in range
      ? isOffset(range.suffix)
      : isOffset(range.first) && (range.last === undefined || (isOffset(range.last) && range.last >= range.first));
  if (!good)
    throw new StoreError('invalid', 'a byte range is { first, last? } with first <= last, or { suffix }, in whole bytes from 0 on');
}

/** The stretch a range names in a blob of this size: cut at the end, and empty if it starts beyond it. Throws: invalid. */
export function resolveRange(range: ByteRange | undefined, sizeBytes: number): ByteSpan {
  checkRange(range);
  if (range === undefined) return { offset: 0, sizeBytes };
  if ('suffix' in range) {
    const length = Math.min(range.suffix, sizeBytes);
    return { offset: sizeBytes - length, sizeBytes: length };
  }
  const offset = Math.min(range.first, sizeBytes);
  const end = range.last === undefined ? sizeBytes : Math.min(range.last + 1, sizeBytes);
  return { offset, sizeBytes: end - offset };
}

function isOffset(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
