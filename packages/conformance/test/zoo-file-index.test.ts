import { describe, expect, it } from 'vitest';
import { fileIndexLaws } from '../src/laws/file-index/all.ts';
import { runLaw } from '../src/run/engine.ts';
import type { Law } from '../src/spec/law.ts';
import { fileIndexMutantSubject, fileIndexMutants, openFileIndex } from '../src/zoo/file-index.ts';

const machine = new Set<never>();
const lawOf = (id: string): Law<'file-index'> => fileIndexLaws.find((law) => law.id === id) as Law<'file-index'>;

describe('each broken file index', () => {
  it.each(fileIndexMutants.map((mutant) => [mutant.id, mutant.what, mutant] as const))(
    '%s (%s) is broken as it says and its law kills it',
    async (_id, _what, mutant) => {
      expect(await mutant.witness(openFileIndex(undefined, mutant)), 'the witness on the mutant').toBe(true);
      expect(await mutant.witness(openFileIndex()), 'the witness on the reference').toBe(false);
      for (const seed of [1, 2, 3]) {
        const report = await runLaw(lawOf(mutant.law), fileIndexMutantSubject(mutant), { seed, profile: 'quick', machine });
        expect(report.verdict, `${mutant.law} under seed ${seed}`).toBe('fail');
      }
    },
  );
});

describe('the file index they are made of', () => {
  it.each([1, 2, 3, 4, 5])('is green under seed %i', async (seed) => {
    for (const law of fileIndexLaws) {
      const report = await runLaw(law, fileIndexMutantSubject(), { seed, profile: 'quick', machine });
      expect([report.law, report.verdict, report.failure?.message]).toEqual([law.id, 'pass', undefined]);
    }
  });
});
