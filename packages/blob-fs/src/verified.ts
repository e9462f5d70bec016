import { type ContentDigest, StoreError } from '@spacestore/core';
import { digestOf, type OpenedFile } from './read-file.ts';

/** Files remembered as checked; the oldest are forgotten, which only costs reading them once more. */
const maxRemembered = 4096;

/** Knows which files hold what they should, so that a part can be read without reading the whole each time. A file counts as
 *  unchanged while device, inode, length and both times are: the time of change can't be set back. */
export interface Verified {
  /** Reads the file whole, unless that was done since it last changed. Throws: corrupt. */
  readonly check: (opened: OpenedFile, expected: ContentDigest) => Promise<void>;
}

export function createVerified(): Verified {
  const checks = new Map<string, Promise<void>>();
  return {
    check: async (opened, expected) => {
      const known = `${opened.stamp} ${expected.sha256}`;
      const check = checks.get(known) ?? compare(opened, expected);
      checks.delete(known);
      checks.set(known, check);
      const [oldest] = checks.keys();
      if (checks.size > maxRemembered && oldest !== undefined) checks.delete(oldest);
      try {
        await check;
      } catch (error) {
        checks.delete(known);
        throw error;
      }
    },
  };
}

async function compare(opened: OpenedFile, { sha256, sizeBytes }: ContentDigest): Promise<void> {
  const found = await digestOf(opened);
  if (found.sha256 !== sha256)
    throw new StoreError('corrupt', 'the stored content is not what was put', { context: { sha256, sizeBytes, found: found.sha256 } });
}
