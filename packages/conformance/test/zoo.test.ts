import type { WorkspaceId } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { opStoreLaws } from '../src/laws/op-store/all.ts';
import { runLaw } from '../src/run/engine.ts';
import type { Law } from '../src/spec/law.ts';
import { testClock } from '../src/world/clock.ts';
import { opMutants } from '../src/zoo/all.ts';
import { mutantSubject } from '../src/zoo/mutant.ts';

const machine = new Set(['open files'] as const);
const lawOf = (id: string): Law<'op-store'> => opStoreLaws.find((law) => law.id === id) as Law<'op-store'>;

async function witnesses(subject: ReturnType<typeof mutantSubject>, witness: (typeof opMutants)[number]['witness']): Promise<boolean> {
  const place = await subject.setup({
    tempDir: () => Promise.reject(new Error('no disk')),
    filesUnder: async () => [],
    after: () => undefined,
  });
  const clock = testClock();
  const open = () => subject.open(place, { clock }) as Awaited<ReturnType<typeof subject.open>>;
  return await witness(open(), 'witness' as WorkspaceId, open);
}

describe('each mutant', () => {
  it.each(opMutants.map((mutant) => [mutant.id, mutant.what, mutant] as const))(
    '%s (%s) is broken as it says and its law kills it',
    async (_id, _what, mutant) => {
      expect(await witnesses(mutantSubject(mutant), mutant.witness), 'the witness on the mutant').toBe(true);
      expect(await witnesses(mutantSubject(), mutant.witness), 'the witness on the reference').toBe(false);
      for (const seed of [1, 2, 3]) {
        const report = await runLaw(lawOf(mutant.law), mutantSubject(mutant), { seed, profile: 'quick', machine });
        expect(report.verdict, `${mutant.law} under seed ${seed}`).toBe('fail');
      }
    },
  );
});

describe('the reference', () => {
  it.each([1, 2, 3, 4, 5])('is green under seed %i', async (seed) => {
    for (const law of opStoreLaws) {
      const report = await runLaw(law, mutantSubject(), { seed, profile: 'quick', machine });
      expect([report.law, report.verdict, report.reason ?? report.failure?.message]).toEqual([
        law.id,
        expect.stringMatching(/^(pass|not claimed|not run)$/),
        report.reason,
      ]);
    }
  });
});
