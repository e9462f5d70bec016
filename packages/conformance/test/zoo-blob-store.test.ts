import { describe, expect, it } from 'vitest';
import { blobStoreLaws } from '../src/laws/blob-store/all.ts';
import { runLaw } from '../src/run/engine.ts';
import type { Law } from '../src/spec/law.ts';
import { testClock } from '../src/world/clock.ts';
import { type BlobMutant, blobMutantSubject } from '../src/zoo/blob-mutant.ts';
import { blobMutants } from '../src/zoo/blob-store.ts';

const machine = new Set(['open files'] as const);
const lawOf = (id: string): Law<'blob-store'> => blobStoreLaws.find((law) => law.id === id) as Law<'blob-store'>;

/** What the mutant's witness says of a store that `make` gives. */
async function witnesses(mutant: BlobMutant, broken: boolean): Promise<boolean> {
  const subject = blobMutantSubject({
    ...mutant,
    make: (base, context) => {
      Object.assign(seen, { context });
      return broken ? mutant.make(base, context) : base;
    },
  });
  const seen = {} as { context: Parameters<BlobMutant['witness']>[1] };
  const scope = { tempDir: () => Promise.reject(new Error('no disk')), filesUnder: async () => [], after: () => undefined };
  const store = await subject.open(await subject.setup(scope), { clock: testClock() });
  return await mutant.witness(store, seen.context);
}

describe('each broken blob store', () => {
  it.each(blobMutants.map((mutant) => [mutant.id, mutant.what, mutant] as const))(
    '%s (%s) is broken as it says and its law kills it',
    async (_id, _what, mutant) => {
      expect(await witnesses(mutant, true), 'the witness on the mutant').toBe(true);
      if (mutant.id !== 'M120') expect(await witnesses(mutant, false), 'the witness on the reference').toBe(false);
      for (const seed of [1, 2, 3]) {
        const report = await runLaw(lawOf(mutant.law), blobMutantSubject(mutant), { seed, profile: 'quick', machine });
        expect(report.verdict, `${mutant.law} under seed ${seed}`).toBe('fail');
      }
    },
  );
});

describe('the blob store they are made of', () => {
  it.each([1, 2, 3, 4, 5])('is green under seed %i', async (seed) => {
    for (const law of blobStoreLaws) {
      const report = await runLaw(law, blobMutantSubject(), { seed, profile: 'quick', machine });
      expect([report.law, report.verdict, report.failure?.message ?? report.reason]).toEqual([
        law.id,
        expect.stringMatching(/^(pass|not claimed)$/),
        report.reason,
      ]);
    }
  });
});
