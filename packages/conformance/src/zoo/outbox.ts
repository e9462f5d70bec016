import type { OpRecord, Outbox, WorkspaceId } from '@spacestore/core';
import { type MemoryOutboxPlace, memoryOutbox, memoryOutboxPlace } from '@spacestore/core/memory';
import { keyOfRecord } from '../model/outbox.ts';
import { outboxSubject, type Subject } from '../subject.ts';
import { plannedRecords } from '../world/outbox-roles.ts';

/** An outbox that is broken on purpose, in one way. */
export interface OutboxMutant {
  readonly id: string;
  /** What it does wrong. */
  readonly what: string;
  /** The law that must kill it. */
  readonly law: string;
  readonly make: (base: Outbox, shared: Map<string, number>) => Outbox;
  /** True for the mutant, false for the outbox it was made of. */
  readonly witness: (outbox: Outbox, again: () => Outbox) => Promise<boolean>;
}

interface MutantPlace {
  readonly memory: MemoryOutboxPlace;
  readonly shared: Map<string, number>;
}

export const outboxPlace = (): MutantPlace => ({ memory: memoryOutboxPlace(), shared: new Map() });
export const openOutbox = ({ memory, shared }: MutantPlace, mutant?: OutboxMutant): Outbox => {
  const base = memoryOutbox({ place: memory });
  return mutant ? mutant.make(base, shared) : base;
};

/** The mutant as a subject; without one, the outbox that all of them are made of. */
export function outboxMutantSubject(mutant?: OutboxMutant): Subject<'outbox'> {
  const places: MutantPlace[] = [];
  return outboxSubject({
    name: mutant?.id ?? 'reference',
    setup: () => ({ number: places.push(outboxPlace()) - 1 }),
    open: ({ number }) => openOutbox(places[number] as MutantPlace, mutant),
    claims: ['durable'],
  });
}

const ws = 'w' as WorkspaceId;
const records = (n: number): OpRecord[] => plannedRecords(n, 3);
const all = (outbox: Outbox): Promise<readonly { readonly batch: number; readonly records: readonly OpRecord[] }[]> =>
  outbox.pending(ws, 0, 100);

/** Broken outboxes. */
export const outboxMutants: readonly OutboxMutant[] = [
  {
    id: 'M160',
    what: 'counts its numbers anew when it is opened empty',
    law: 'OB-02',
    make: (base) => {
      const shift = new Map<string, number>();
      const inner = (at: WorkspaceId, batch: number): number => batch + (shift.get(at) ?? 0);
      const outer = (at: WorkspaceId, batch: number): number => batch - (shift.get(at) ?? 0);
      return {
        ...base,
        add: async (at, given, call) => {
          const empty = (await base.counts(at)).batches === 0;
          const added = await base.add(at, given, call);
          if (!shift.has(at)) shift.set(at, empty ? added.batch - 1 : 0);
          return { ...added, batch: outer(at, added.batch) };
        },
        verdict: (at, batch, verdict, call) => base.verdict(at, inner(at, batch), verdict, call),
        pending: async (at, after, limit, call) =>
          (await base.pending(at, inner(at, after), limit, call)).map((each) => ({ ...each, batch: outer(at, each.batch) })),
      };
    },
    witness: async (outbox, again) => {
      const first = await outbox.add(ws, records(0));
      await outbox.verdict(ws, first.batch, { kind: 'acknowledged' });
      return (await again().add(ws, records(1))).batch === first.batch;
    },
  },
  {
    id: 'M161',
    what: 'forgets the rest of a batch that was refused in part',
    law: 'OB-01',
    make: (base) => ({
      ...base,
      verdict: async (at, batch, verdict, call) => {
        const before = (await base.pending(at, 0, 1000)).map((each) => each.batch);
        await base.verdict(at, batch, verdict, call);
        if (verdict.kind === 'acknowledged') return;
        for (const each of await base.pending(at, 0, 1000))
          if (!before.includes(each.batch)) await base.verdict(at, each.batch, { kind: 'acknowledged' });
      },
    }),
    witness: async (outbox) => {
      const { batch } = await outbox.add(ws, records(0));
      await outbox.verdict(ws, batch, { kind: 'refused', code: 'denied', ids: records(0).slice(0, 1) });
      return (await outbox.counts(ws)).records === 0;
    },
  },
  {
    id: 'M162',
    what: 'quarantines a whole batch for one record',
    law: 'OB-01',
    make: (base) => ({
      ...base,
      verdict: (at, batch, verdict, call) => base.verdict(at, batch, verdict.kind === 'refused' ? { ...verdict, ids: [] } : verdict, call),
    }),
    witness: async (outbox) => {
      const { batch } = await outbox.add(ws, records(0));
      await outbox.verdict(ws, batch, { kind: 'refused', code: 'denied', ids: records(0).slice(0, 1) });
      return (await outbox.counts(ws)).quarantined === 3;
    },
  },
  {
    id: 'M163',
    what: 'sends the rest of a refused batch one record a batch',
    law: 'OB-01',
    make: (base) => ({
      ...base,
      verdict: async (at, batch, verdict, call) => {
        await base.verdict(at, batch, verdict, call);
        const last = (await base.pending(at, 0, 1000)).at(-1);
        if (verdict.kind === 'acknowledged' || last === undefined || last.batch <= batch || last.records.length === 1) return;
        await base.verdict(at, last.batch, { kind: 'acknowledged' });
        for (const record of last.records) await base.add(at, [record]);
      },
    }),
    witness: async (outbox) => {
      const { batch } = await outbox.add(ws, records(0));
      await outbox.verdict(ws, batch, { kind: 'refused', code: 'denied', ids: records(0).slice(0, 1) });
      return (await outbox.counts(ws)).batches === 2;
    },
  },
  {
    id: 'M164',
    what: 'takes a late acknowledgement for all batches before it',
    law: 'OB-01',
    make: (base) => ({
      ...base,
      verdict: async (at, batch, verdict, call) => {
        if (verdict.kind === 'acknowledged')
          for (const each of await base.pending(at, 0, 1000)) if (each.batch < batch) await base.verdict(at, each.batch, verdict);
        await base.verdict(at, batch, verdict, call);
      },
    }),
    witness: async (outbox) => {
      await outbox.add(ws, records(0));
      const { batch } = await outbox.add(ws, records(1));
      await outbox.verdict(ws, batch, { kind: 'acknowledged' });
      return (await all(outbox)).length === 0;
    },
  },
  {
    id: 'M165',
    what: 'discards what is to be tried again',
    law: 'OB-01',
    make: (base) => ({ ...base, release: (at, ids, _how, call) => base.release(at, ids, 'discard', call) }),
    witness: async (outbox) => {
      const { batch } = await outbox.add(ws, records(0));
      await outbox.verdict(ws, batch, { kind: 'refused', code: 'denied', ids: [] });
      await outbox.release(ws, records(0), 'retry');
      return (await outbox.counts(ws)).records === 0;
    },
  },
  {
    id: 'M166',
    what: 'counts the quarantined records as pending ones',
    law: 'OB-01',
    make: (base) => ({
      ...base,
      counts: async (at, call) => {
        const counts = await base.counts(at, call);
        return { ...counts, records: counts.records + counts.quarantined };
      },
    }),
    witness: async (outbox) => {
      const { batch } = await outbox.add(ws, records(0));
      await outbox.verdict(ws, batch, { kind: 'refused', code: 'denied', ids: [] });
      return (await outbox.counts(ws)).records === 3;
    },
  },
  {
    id: 'M167',
    what: 'shows no batch with the number asked after, nor the next',
    law: 'OB-01',
    make: (base) => ({ ...base, pending: (at, after, limit, call) => base.pending(at, after > 0 ? after + 1 : 0, limit, call) }),
    witness: async (outbox) => {
      const first = await outbox.add(ws, records(0));
      await outbox.add(ws, records(1));
      return (await outbox.pending(ws, first.batch, 10)).length === 0;
    },
  },
  {
    id: 'M168',
    what: "keeps the caller's own bodies",
    law: 'OB-05',
    make: (base) => {
      const own = new Map<string, Uint8Array>();
      return {
        ...base,
        add: async (at, given, call) => {
          const added = await base.add(at, given, call);
          for (const record of given) own.set(`${at}/${keyOfRecord(record)}`, record.body);
          return added;
        },
        pending: async (at, after, limit, call) =>
          (await base.pending(at, after, limit, call)).map((each) => ({
            ...each,
            records: each.records.map((record) => ({ ...record, body: own.get(`${at}/${keyOfRecord(record)}`) ?? record.body })),
          })),
      };
    },
    witness: async (outbox) => {
      const mine = records(0);
      await outbox.add(ws, mine);
      mine[0]?.body.fill(0);
      return (await all(outbox))[0]?.records[0]?.body[0] === 0;
    },
  },
  {
    id: 'M169',
    what: 'adds what was added at once in reverse order',
    law: 'OB-04',
    make: (base) => {
      let turn: (() => void)[] = [];
      return {
        ...base,
        add: async (at, given, call) => {
          const copies = Array.isArray(given)
            ? given.map((each: OpRecord) => (each ? { ...each, body: each.body?.slice?.() ?? each.body } : each))
            : given;
          if (call?.signal?.aborted) return await base.add(at, given, call);
          await new Promise<void>((resolve) => {
            if (turn.push(resolve) > 1) return;
            queueMicrotask(() => {
              const waiting = turn.reverse();
              turn = [];
              for (const go of waiting) go();
            });
          });
          return await base.add(at, copies, call);
        },
      };
    },
    witness: async (outbox) => {
      await Promise.all([outbox.add(ws, records(0)), outbox.add(ws, records(1))]);
      return (await all(outbox))[0]?.records[0]?.counter === 3;
    },
  },
  {
    id: 'M170',
    what: 'named values are shared by all workspaces',
    law: 'OB-01',
    make: (base) => ({
      ...base,
      state: (_, name, call) => base.state('shared' as WorkspaceId, name, call),
      setState: (_, name, value, call) => base.setState('shared' as WorkspaceId, name, value, call),
    }),
    witness: async (outbox) => {
      await outbox.setState(ws, 'cursor', 'mine');
      return (await outbox.state('other' as WorkspaceId, 'cursor')) === 'mine';
    },
  },
];
