import { describe, expect, it } from 'vitest';
import { outboxLaws } from '../src/laws/outbox/all.ts';
import { runLaw } from '../src/run/engine.ts';
import type { Law } from '../src/spec/law.ts';
import { openOutbox, outboxMutantSubject, outboxMutants, outboxPlace } from '../src/zoo/outbox.ts';

const machine = new Set<never>();
const lawOf = (id: string): Law<'outbox'> => outboxLaws.find((law) => law.id === id) as Law<'outbox'>;

describe('each broken outbox', () => {
  it.each(outboxMutants.map((mutant) => [mutant.id, mutant.what, mutant] as const))(
    '%s (%s) is broken as it says and its law kills it',
    async (_id, _what, mutant) => {
      const [broken, whole] = [outboxPlace(), outboxPlace()];
      expect(await mutant.witness(openOutbox(broken, mutant), () => openOutbox(broken, mutant)), 'the witness on the mutant').toBe(true);
      expect(await mutant.witness(openOutbox(whole), () => openOutbox(whole)), 'the witness on the reference').toBe(false);
      for (const seed of [1, 2, 3]) {
        const report = await runLaw(lawOf(mutant.law), outboxMutantSubject(mutant), { seed, profile: 'quick', machine });
        expect(report.verdict, `${mutant.law} under seed ${seed}`).toBe('fail');
      }
    },
  );
});

describe('the outbox they are made of', () => {
  it.each([1, 2, 3, 4, 5])('is green under seed %i', async (seed) => {
    for (const law of outboxLaws) {
      const report = await runLaw(law, outboxMutantSubject(), { seed, profile: 'quick', machine });
      expect([report.law, report.verdict, report.failure?.message]).toEqual([law.id, expect.stringMatching(/^(pass|not run)$/), undefined]);
    }
  });
});
