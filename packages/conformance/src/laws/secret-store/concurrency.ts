import type { SecretName } from '@spacestore/core';
import { hasCode } from '@spacestore/core';
import fc from 'fast-check';
import { digestOf } from '../../check/digest.ts';
import { holds, refused, same, settle } from '../../check/expect.ts';
import { secretNames, space } from '../../gen/secret-store.ts';
import type { Law } from '../../spec/law.ts';
import { expectSecret } from './reading.ts';

/** A value that says its generation in every byte: a mix of two shows. */
const generation = (n: number, size = 600): Uint8Array => new Uint8Array(size + n).fill(n);

const concurrent: Law<'secret-store'> = {
  id: 'SE-07',
  kind: 'secret-store',
  group: 'concurrency',
  title: 'of writers that saw the same version exactly one is let through; no value is torn; setAll is all or nothing to every reader',
  why: 'Two devices that rotate a key at once must not both believe that theirs is the key.',
  floors: { 'writers that came too late': { count: 20 }, 'generations read while they changed': { count: 5 } },
  run: async (context) => {
    await context.check(
      fc.record({ writers: fc.integer({ min: 2, max: 8 }), deletes: fc.boolean(), before: fc.boolean() }),
      async ({ writers, deletes, before }, run) => {
        const room = await context.shared();
        const { store } = room;
        const second = store.capabilities.multiHandle ? await room.another() : store;
        const at = space(run.fresh('w'));
        const name = secretNames[0] as SecretName;
        const version = before ? (await store.set(at, name, generation(99), { ifVersion: 0, writeId: 'before' })).version : 0;
        run.say(`${writers} writers at once over version ${version}, on ${second === store ? 'one handle' : 'two handles'}`);
        const outcomes = await Promise.all(
          Array.from({ length: writers }, (_, i) => {
            const [handle, write] = [i % 2 === 0 ? store : second, { ifVersion: version, writeId: `writer-${i}` }];
            if (deletes && before && i === 1) return settle(handle.delete(at, name, write));
            return settle(handle.set(at, name, generation(i), write));
          }),
        );
        const winners = outcomes.flatMap((outcome, i) => (outcome.ok ? [i] : []));
        run.count('writers that came too late', winners.length === 1);
        same(winners.length, 1, 'writers that were let through');
        for (const outcome of outcomes)
          if (!outcome.ok) await refused(Promise.reject(outcome.error), 'a writer that came too late', 'conflict');
        const winner = winners[0] as number;
        if (deletes && before && winner === 1) same(await store.get(at, name), undefined, 'a secret whose deletion won');
        else await expectSecret(store, at, name, generation(winner), version + 1, "the winner's value");
        if (second !== store) await second.close();
      },
      { runs: 25 },
    );
    await context.check(
      fc.record({ writers: fc.integer({ min: 2, max: 5 }), rounds: fc.integer({ min: 1, max: 4 }) }),
      async ({ writers, rounds }, run) => {
        const { store } = await context.shared();
        const at = space(run.fresh('w'));
        const name = secretNames[1] as SecretName;
        run.say(`${writers} writers that each add ${rounds} to a counter, trying again after a conflict`);
        const writer = async (me: number): Promise<void> => {
          for (let done = 0, tries = 0; done < rounds; tries++) {
            holds(tries < 500, 'a writer was refused 500 times');
            const present = await store.get(at, name);
            const next = generation((present?.value[0] ?? 0) + 1);
            const outcome = await settle(store.set(at, name, next, { ifVersion: present?.version ?? 0, writeId: `w${me}-${tries}` }));
            if (outcome.ok) done += 1;
            else if (!hasCode(outcome.error, 'conflict', 'busy')) throw outcome.error;
          }
        };
        await Promise.all(Array.from({ length: writers }, (_, i) => writer(i)));
        await expectSecret(store, at, name, generation(writers * rounds), writers * rounds, 'the counter');
      },
      { runs: 12 },
    );
    await context.check(
      fc.record({ names: fc.integer({ min: 2, max: 6 }), rounds: fc.integer({ min: 2, max: 6 }), bad: fc.boolean() }),
      async ({ names, rounds, bad }, run) => {
        const { store } = await context.shared();
        const at = space(run.fresh('w'));
        const entries = (round: number, ifVersion: number): { name: SecretName; value: Uint8Array; ifVersion: number }[] =>
          secretNames.slice(0, names).map((name) => ({ name, value: generation(round, 50_000), ifVersion }));
        await store.setAll(at, entries(1, 0), 'round-1');
        run.say(`setAll of ${names} names, ${rounds} times, while others read them all`);
        let done = false;
        const met = new Set<number>();
        const reader = async (): Promise<void> => {
          while (!done) {
            const all = await store.getAll(at);
            same(all.length, names, 'names of getAll');
            const digests = new Set(all.map(({ value }) => digestOf(value)));
            same(digests.size, 1, 'generations in one getAll');
            same(new Set(all.map(({ version }) => version)).size, 1, 'versions in one getAll');
            met.add(all[0]?.version ?? 0);
            await new Promise((resolve) => setImmediate(resolve));
          }
        };
        const writer = async (): Promise<void> => {
          try {
            for (let round = 2; round <= rounds; round++) {
              if (bad) {
                const torn = entries(77, round - 1);
                torn[names - 1] = { ...(torn[names - 1] as (typeof torn)[0]), ifVersion: round + 5 };
                await refused(store.setAll(at, torn, `bad-${round}`), 'a setAll whose last name has another version', 'conflict');
              }
              await store.setAll(at, entries(round, round - 1), `round-${round}`);
              await store.setAll(at, entries(round, round - 1), `round-${round}`); // a retry after a lost reply
              await new Promise((resolve) => setImmediate(resolve));
            }
          } finally {
            done = true;
          }
        };
        await Promise.all([writer(), reader(), reader()]);
        run.count('generations read while they changed', met.size > 1);
        for (const { name } of entries(1, 0)) await expectSecret(store, at, name, generation(rounds, 50_000), rounds, 'at last');
      },
      { runs: 10 },
    );
  },
};

export const concurrencyLaws: readonly Law<'secret-store'>[] = [concurrent];
