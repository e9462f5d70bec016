import type { CounterRange, Cursor, OpRecord, OpStore, ReadPage, StateVector, StoredRecord } from '@spacestore/core';
import { codeOf, type OpMutant, of, reading, size } from './mutant.ts';

const eachRange = (vector: StateVector, change: (ranges: readonly CounterRange[]) => readonly CounterRange[]): StateVector =>
  new Map([...vector].map(([tree, peers]) => [tree, new Map([...peers].map(([peer, ranges]) => [peer, change(ranges)]))]));

/** Changes what `missing` says before it is used. */
const missingAs =
  (change: (ranges: readonly CounterRange[]) => readonly CounterRange[]): OpMutant['make'] =>
  (base) => ({
    ...base,
    read: (ws, query, call) =>
      base.read(ws, query?.missing instanceof Map ? { ...query, missing: eachRange(query.missing, change) } : query, call),
  });

/** Reads as the store does, and drops records from the page. */
const hiding =
  (keep: (record: StoredRecord, query: Parameters<OpStore['read']>[1]) => boolean): OpMutant['make'] =>
  (base) => ({
    ...base,
    read: async (ws, query, call) => {
      const page = await base.read(ws, query, call);
      return { ...page, records: page.records.filter((one) => keep(one, query)) };
    },
  });

const missing = (ranges: readonly CounterRange[]): StateVector => new Map([['t', new Map([['a', ranges]])]]) as never;

const lacks =
  (ranges: readonly CounterRange[], counters: readonly number[], expected: number): OpMutant['witness'] =>
  async (store, ws) => {
    await store.append(ws, of(counters));
    const outcome = await store.read(ws, { missing: missing(ranges), limit: 100 }).then(
      (page) => page.records.length,
      () => -1,
    );
    return outcome !== expected;
  };

/** Broken reads. */
export const readMutants: readonly OpMutant[] = [
  {
    id: 'M062',
    what: 'the vector is the highest counter of each peer',
    law: 'OP-19',
    make: (base) => ({
      ...base,
      vector: async (...args) => {
        const page = await base.vector(...args);
        return { ...page, vector: eachRange(page.vector, (ranges) => [[0, ranges.at(-1)?.[1] ?? 0]]) };
      },
    }),
    witness: async (store, ws) => {
      await store.append(ws, of([1, 3]));
      return (await store.vector(ws, { limit: 9 })).vector.get('t' as never)?.get('a' as never)?.length === 1;
    },
  },
  {
    id: 'M064',
    what: 'the vector is cached and stale after an append',
    law: 'OP-16',
    make: (base) => {
      const cache = new Map<string, Promise<Awaited<ReturnType<OpStore['vector']>>>>();
      return {
        ...base,
        vector: (ws, query, call) => {
          const key = `${ws}${JSON.stringify(query)}`;
          const known = cache.get(key) ?? base.vector(ws, query, call);
          cache.set(key, known);
          return known;
        },
      };
    },
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      await store.vector(ws, { limit: 9 });
      await store.append(ws, of([0], 'b'));
      return (await store.vector(ws, { limit: 9 })).vector.get('t' as never)?.size === 1;
    },
  },
  {
    id: 'M067',
    what: 'missing is off by one at the end of a range',
    law: 'OP-20',
    make: missingAs((ranges) => ranges.map(([first, last]) => [first, last + 1] as const)),
    witness: lacks([[0, 0]], [0, 1], 1),
  },
  {
    id: 'M068',
    what: 'missing is off by one at the start of a range',
    law: 'OP-20',
    make: missingAs((ranges) => ranges.map(([first, last]) => [Math.max(0, first - 1), last] as const)),
    witness: lacks([[1, 1]], [0, 1], 1),
  },
  {
    id: 'M071',
    what: 'only the first range of a peer counts',
    law: 'OP-20',
    make: missingAs((ranges) => ranges.slice(0, 1)),
    witness: lacks(
      [
        [0, 0],
        [2, 2],
      ],
      [0, 1, 2],
      1,
    ),
  },
  {
    id: 'M220',
    what: 'missing forgets a range that begins before the one it lies in ends',
    law: 'OP-20',
    make: missingAs((ranges) => ranges.filter((range, i) => i === 0 || range[0] > (ranges[i - 1]?.[1] ?? 0))),
    witness: lacks(
      [
        [1, 2],
        [0, 0],
      ],
      [0, 1, 2],
      0,
    ),
  },
  {
    id: 'M070',
    what: 'looks a vector up with `in`, so names of properties seem to be there',
    law: 'OP-11',
    make: hiding((one, query) => query.missing === undefined || !(one.tree in {})),
    witness: async (store, ws) => {
      await store.append(ws, of([0], 'a', 'toString'));
      return (await store.read(ws, { missing: new Map(), limit: 9 })).records.length === 0;
    },
  },
  {
    id: 'M074',
    what: 'lists by locale',
    law: 'OP-45',
    make: (base) => ({
      ...base,
      trees: async (ws, query, call) => {
        const all = (await base.trees(ws, { limit: 1000 }, call)).items.toSorted((a, b) => a.localeCompare(b, 'en'));
        const from = query.after === undefined ? 0 : all.indexOf(query.after as never) + 1;
        const items = all.slice(from, from + query.limit);
        return from + query.limit < all.length ? { items, next: { after: items.at(-1) as string, limit: query.limit } } : { items };
      },
    }),
    witness: async (store, ws) => {
      await store.append(ws, [...of([0], 'a', 'b'), ...of([0], 'a', 'B')]);
      return (await store.trees(ws, { limit: 9 })).items[0] === ('b' as never);
    },
  },
  {
    id: 'M076',
    what: 'the lower bound of dates is exclusive',
    law: 'OP-22',
    make: (base) => ({
      ...base,
      read: (ws, query, call) =>
        base.read(ws, typeof query?.receivedFrom === 'number' ? { ...query, receivedFrom: query.receivedFrom + 1 } : query, call),
    }),
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      const at = (await store.read(ws, { limit: 1 })).records[0]?.receivedAt ?? 0;
      return (await store.read(ws, { limit: 1, receivedFrom: at })).records.length === 0;
    },
  },
  {
    id: 'M077',
    what: 'compares dates as text',
    law: 'OP-22',
    make: hiding((one, query) => query.receivedFrom === undefined || String(one.receivedAt) >= String(query.receivedFrom)),
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      return (await store.read(ws, { limit: 1, receivedFrom: 9 })).records.length === 0;
    },
  },
  {
    id: 'M079',
    what: 'the pages of a query have no common bound: what is appended meanwhile slips in',
    law: 'OP-26',
    make: (base) => ({
      ...base,
      read: async (ws, query, call) => {
        const page = await base.read(ws, query, call);
        if (page.next === undefined) return page;
        const { through: _, ...open } = page.next;
        return { ...page, next: open };
      },
    }),
    witness: async (store, ws) => {
      await store.append(ws, of([0, 1]));
      const { next } = await store.read(ws, { limit: 1 });
      await store.append(ws, of([2]));
      return (await store.read(ws, { ...next, limit: 9 })).records.length === 2;
    },
  },
  {
    id: 'M080',
    what: 'a cursor is a date: records of the same millisecond are skipped',
    law: 'OP-23',
    make: (base) => ({
      ...base,
      read: async (ws, query, call) => {
        const page = await base.read(ws, query, call);
        if (page.next === undefined) return page;
        const last = page.records.at(-1)?.receivedAt ?? 0;
        return { ...page, next: { ...page.next, receivedFrom: Math.max(page.next.receivedFrom ?? 0, last + 1) } };
      },
    }),
    witness: async (store, ws) => {
      await store.append(ws, of([0, 1]));
      const { next } = await store.read(ws, { limit: 1 });
      return next !== undefined && (await store.read(ws, next)).records.length === 0;
    },
  },
  {
    id: 'M082',
    what: 'a second handle reads a replica that lags behind',
    law: 'OP-17',
    make: (base, { shared }) => {
      const first = !shared.has('open');
      shared.set('open', true);
      return first ? base : hiding((one) => one.position % 2 === 1)(base, { shared });
    },
    witness: async (store, ws, another) => {
      await store.append(ws, of([0, 1]));
      return (await size(another(), ws)) === 1;
    },
  },
  {
    id: 'M083',
    what: 'reads what is not committed, and may be refused',
    law: 'OP-30',
    make: (base, { shared }) => ({
      ...base,
      append: async (...args) => {
        const [ws, records] = args;
        const dirty = (shared.get(ws) as OpRecord[] | undefined) ?? [];
        shared.set(ws, [...dirty, ...records]);
        try {
          await new Promise((resolve) => setImmediate(resolve));
          return await base.append(...args);
        } finally {
          shared.set(
            ws,
            ((shared.get(ws) as OpRecord[] | undefined) ?? []).filter((one) => !records.includes(one)),
          );
        }
      },
      read: async (ws, query, call): Promise<ReadPage> => {
        const page = await base.read(ws, query, call);
        const dirty = (shared.get(ws) as OpRecord[] | undefined) ?? [];
        if (page.next !== undefined || dirty.length === 0) return page;
        return {
          ...page,
          records: [...page.records, ...dirty.map((one, i) => ({ ...one, position: page.records.length + i + 1, receivedAt: 0 }))],
        };
      },
    }),
    witness: async (store, ws) => {
      const pending = store.append(ws, of([0]));
      const seen = await size(store, ws);
      await pending;
      return seen === 1;
    },
  },
  {
    id: 'M085',
    what: 'a query left early holds its statement, and writers wait for it',
    law: 'OP-24',
    make: (base, { shared }) => ({
      ...base,
      read: async (ws, query, call) => {
        const page = await base.read(ws, query, call);
        if (query.after !== undefined && query.through !== undefined) shared.delete(`${ws}${query.limit}`);
        if (page.next !== undefined) shared.set(`${ws}${query.limit}`, true);
        return page;
      },
      append: (...args) =>
        [...shared.keys()].some((key) => key.startsWith(args[0])) ? new Promise(() => undefined) : base.append(...args),
    }),
    witness: async (store, ws) => {
      await store.append(ws, of([0, 1]));
      await store.read(ws, { limit: 1 });
      const late = new Promise((resolve) => setTimeout(resolve, 20, 'late'));
      return (await Promise.race([store.append(ws, of([2])), late])) === 'late';
    },
  },
  {
    id: 'M086',
    what: 'hands out its own objects',
    law: 'OP-09',
    make: (base, { shared }) =>
      reading((one) => {
        const key = `${one.tree}/${one.peer}/${one.counter}/${one.position}`;
        if (!shared.has(key) || Buffer.compare((shared.get(`${key}/body`) as Uint8Array) ?? one.body, one.body) !== 0) {
          shared.set(key, one);
          shared.set(`${key}/body`, Uint8Array.from(one.body));
        }
        return shared.get(key) as StoredRecord;
      })(base, { shared }),
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      const first = (await store.read(ws, { limit: 1 })).records[0];
      first?.body.fill(0);
      return (await store.read(ws, { limit: 1 })).records[0]?.body[0] === 0;
    },
  },
  {
    id: 'M221',
    what: 'a page does not mind its bytes',
    law: 'OP-25',
    make: (base) => ({
      ...base,
      read: (ws, query, call) => {
        const { limitBytes: _, ...rest } = query;
        return base.read(ws, typeof query.limitBytes === 'number' ? rest : query, call);
      },
    }),
    witness: async (store, ws) => {
      await store.append(ws, of([0, 1]));
      return (await store.read(ws, { limit: 9, limitBytes: 1 })).records.length === 2;
    },
  },
  {
    id: 'M222',
    what: 'a read of some trees comes in the order of ids',
    law: 'OP-18',
    make: (base) => ({
      ...base,
      read: async (ws, query, call) => {
        const page = await base.read(ws, query, call);
        return query.trees === undefined ? page : { ...page, records: page.records.toSorted((a, b) => a.counter - b.counter) };
      },
    }),
    witness: async (store, ws) => {
      await store.append(ws, of([1, 0]));
      return (await store.read(ws, { trees: ['t' as never], limit: 9 })).records[0]?.counter === 0;
    },
  },
  {
    id: 'M223',
    what: 'a cursor it can’t read is taken for the start',
    law: 'OP-15',
    make: (base) => ({
      ...base,
      read: (ws, query, call) => {
        const { after, ...rest } = query;
        return base.read(ws, typeof after === 'string' && !/^[0-9a-f]{16}\./.test(after) ? rest : query, call);
      },
    }),
    witness: async (store, ws) => (await codeOf(store.read(ws, { limit: 1, after: 'nonsense' as Cursor }))) === undefined,
  },
  {
    id: 'M224',
    what: 'exchange leaves out the newest record',
    law: 'OP-21',
    make: (base) => ({
      ...base,
      read: async (ws, query, call) => {
        const page = await base.read(ws, query, call);
        return query.missing === undefined || page.next !== undefined ? page : { ...page, records: page.records.slice(0, -1) };
      },
    }),
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      return (await store.read(ws, { missing: new Map(), limit: 9 })).records.length === 0;
    },
  },
];
