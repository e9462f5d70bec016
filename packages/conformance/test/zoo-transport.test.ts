import type { SyncTransport } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { transportLaws } from '../src/laws/transport/all.ts';
import { openExchange } from '../src/laws/transport/link.ts';
import { runLaw } from '../src/run/engine.ts';
import type { Law } from '../src/spec/law.ts';
import { referenceTransport, type TransportMutant, transportMutantSubject, transportMutants } from '../src/zoo/transport.ts';

const machine = new Set(['open files'] as const);
const lawOf = (id: string): Law<'transport'> => transportLaws.find((law) => law.id === id) as Law<'transport'>;

async function witnesses(mutant: TransportMutant, transport: SyncTransport): Promise<boolean> {
  const { link } = await openExchange(transport);
  return await mutant.witness(link, transport);
}

describe('each broken transport', () => {
  it.each(transportMutants.map((mutant) => [mutant.id, mutant.what, mutant] as const))(
    '%s (%s) is broken as it says and its law kills it',
    async (_id, _what, mutant) => {
      expect(await witnesses(mutant, mutant.make(referenceTransport())), 'the witness on the mutant').toBe(true);
      expect(await witnesses(mutant, referenceTransport()), 'the witness on the reference').toBe(false);
      for (const seed of [1, 2]) {
        const report = await runLaw(lawOf(mutant.law), transportMutantSubject(mutant), { seed, profile: 'quick', machine });
        expect(report.verdict, `${mutant.law} under seed ${seed}`).toBe('fail');
      }
    },
  );
});

describe('the transport they are made of', () => {
  it.each([1, 2, 3, 4, 5])('is green under seed %i', async (seed) => {
    for (const law of transportLaws) {
      const report = await runLaw(law, transportMutantSubject(), { seed, profile: 'quick', machine });
      expect([report.law, report.verdict, report.failure?.message ?? report.reason]).toEqual([law.id, 'pass', undefined]);
    }
  });
});
