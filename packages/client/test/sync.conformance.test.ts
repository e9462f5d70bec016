import { allLaws, runLaw } from '@spacestore/conformance';
import { describeLaws } from '@spacestore/conformance/vitest';
import type { Outbox } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { type ClientChanges, subjects, syncSubjectWith } from './sync.subject.ts';

for (const subject of subjects) describeLaws(subject);

interface BrokenClient {
  readonly law: string;
  readonly what: string;
  readonly changes: ClientChanges;
}

/** Drops every seventh record on its way into the outbox. */
const losing = (outbox: Outbox): Outbox => {
  let added = 0;
  return {
    ...outbox,
    add: (workspace, records, call) =>
      outbox.add(
        workspace,
        records.filter(() => ++added % 7 > 0 || records.length === 1),
        call,
      ),
  };
};

/** Gives the first records it was given once more. */
const repeating = (): NonNullable<ClientChanges['received']> => {
  let given = 0;
  return (records) => (++given % 3 === 0 ? [...records, ...records.slice(0, 1)] : records);
};

/** A refused token that looks like a fresh one each time it is asked for, so that nothing holds the client back. */
const anew = (): NonNullable<ClientChanges['token']> => {
  let asked = 0;
  return (token) => (token === 'nonsense' ? `${token}${++asked}` : token);
};

const broken: readonly BrokenClient[] = [
  { law: 'TR-03', what: 'loses edits on their way into the outbox', changes: { outbox: losing } },
  { law: 'TR-03', what: 'hands records to the app twice', changes: { received: repeating() } },
  {
    law: 'TR-04',
    what: 'cuts long bodies',
    changes: { received: (records) => records.map((record) => ({ ...record, body: record.body.slice(0, 20) })) },
  },
  {
    law: 'TR-08',
    what: 'tries a refused token again and again',
    changes: { token: anew(), session: { backoffBaseMs: 1, backoffCapMs: 2 } },
  },
  { law: 'TR-11', what: 'hands out records in reverse', changes: { received: (records) => [...records].reverse() } },
  {
    law: 'TR-15',
    what: 'forgets its place and reads everything anew',
    changes: { outbox: (outbox) => ({ ...outbox, state: async () => undefined }) },
  },
];

describe('a broken client is found out', () => {
  it.each(broken.map(({ law, what, changes }) => [what, law, changes] as const))('that %s, by %s', async (what, id, changes) => {
    const law = allLaws.find((one) => one.id === id && one.kind === 'sync');
    expect(law).toBeDefined();
    if (law === undefined) return;
    const report = await runLaw(law, syncSubjectWith(what, changes), { seed: 1, profile: 'quick', machine: new Set() });
    expect([report.verdict, report.reason]).toEqual(['fail', undefined]);
  });
});
