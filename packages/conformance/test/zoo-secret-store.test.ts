import { describe, expect, it } from 'vitest';
import { secretStoreLaws } from '../src/laws/secret-store/all.ts';
import { runLaw } from '../src/run/engine.ts';
import type { Law } from '../src/spec/law.ts';
import { secretContext, secretMutantSubject, secretPlace } from '../src/zoo/secret-mutant.ts';
import { secretMutants } from '../src/zoo/secret-store.ts';

const machine = new Set<never>();
const lawOf = (id: string): Law<'secret-store'> => secretStoreLaws.find((law) => law.id === id) as Law<'secret-store'>;

describe('each broken secret store', () => {
  it.each(secretMutants.map((mutant) => [mutant.id, mutant.what, mutant] as const))(
    '%s (%s) is broken as it says and its law kills it',
    async (_id, _what, mutant) => {
      const [place, whole] = [secretPlace(), secretPlace()];
      const [right, wrong] = [secretContext(place, 1), secretContext(place, 2)];
      expect(await mutant.witness(mutant.make(right), right, mutant.make(wrong)), 'the witness on the mutant').toBe(true);
      const reference = secretContext(whole, 1);
      expect(await mutant.witness(reference.sealed, reference, secretContext(whole, 2).sealed), 'the witness on the reference').toBe(false);
      for (const seed of [1, 2, 3]) {
        const report = await runLaw(lawOf(mutant.law), secretMutantSubject(mutant), { seed, profile: 'quick', machine });
        expect(report.verdict, `${mutant.law} under seed ${seed}`).toBe('fail');
      }
    },
  );
});

describe('the secret store they are made of', () => {
  it.each([1, 2, 3, 4, 5])('is green under seed %i', async (seed) => {
    for (const law of secretStoreLaws) {
      const report = await runLaw(law, secretMutantSubject(), { seed, profile: 'quick', machine });
      expect([report.law, report.verdict, report.failure?.message ?? report.reason]).toEqual([
        law.id,
        expect.stringMatching(/^(pass|not claimed)$/),
        report.reason,
      ]);
    }
  });
});
