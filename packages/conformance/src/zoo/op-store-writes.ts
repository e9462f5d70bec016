import { hasCode, type OpRecord, type OpStore, StoreError } from '@spacestore/core';
import { codeOf, type OpMutant, of, size, writing } from './mutant.ts';

/** Appends in pieces, each a transaction of its own. */
const inPieces =
  (cut: (length: number) => number): OpMutant['make'] =>
  (base) => ({
    ...base,
    append: async (workspace, records, options, call) => {
      if (!Array.isArray(records) || records.length === 0) return await base.append(workspace, records, options, call);
      let added = 0;
      let last = await base.append(workspace, [], options, call);
      const step = cut(records.length);
      for (let at = 0; at < records.length; at += step) {
        last = await base.append(workspace, records.slice(at, at + step), options, call);
        added += last.added;
      }
      return { ...last, added };
    },
  });

const idOf = ({ tree, peer, counter }: OpRecord): string => `${tree}/${peer}/${counter}`;

/** Appends what a refusal did not name. */
async function withoutNamed(base: OpStore, args: Parameters<OpStore['append']>, error: unknown): ReturnType<OpStore['append']> {
  if (!hasCode(error, 'equivocation')) throw error;
  const named = new Set((error.context.ids as OpRecord[]).map(idOf));
  return await base.append(
    args[0],
    args[1].filter((one) => !named.has(idOf(one))),
    args[2],
    args[3],
  );
}

const other = of([0], 'a', 't', 'other');

/** Broken write paths. */
export const writeMutants: readonly OpMutant[] = [
  {
    id: 'M001',
    what: 'a batch is stored in two transactions',
    law: 'OP-06',
    make: inPieces((length) => Math.ceil(length / 2)),
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      await codeOf(store.append(ws, [...of([1, 2]), ...other]));
      return (await size(store, ws)) > 1;
    },
  },
  {
    id: 'M002',
    what: 'one transaction a record',
    law: 'OP-06',
    make: inPieces(() => 1),
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      await codeOf(store.append(ws, [...of([1]), ...other]));
      return (await size(store, ws)) > 1;
    },
  },
  {
    id: 'M010',
    what: 'chunks of 500, each in its own transaction',
    law: 'OP-06',
    make: inPieces(() => 500),
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      await codeOf(store.append(ws, [...of(Array.from({ length: 600 }, (_, i) => i + 1)), ...other]));
      return (await size(store, ws)) > 1;
    },
  },
  {
    id: 'M004',
    what: 'INSERT OR IGNORE hides equivocation',
    law: 'OP-03',
    make: (base) => ({ ...base, append: (...args) => base.append(...args).catch((error: unknown) => withoutNamed(base, args, error)) }),
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      return (await codeOf(store.append(ws, other))) === undefined;
    },
  },
  {
    id: 'M005',
    what: 'a duplicate is an error',
    law: 'OP-02',
    make: (base) => ({
      ...base,
      append: async (...args) => {
        const result = await base.append(...args);
        if (result.added < args[1].length) throw new StoreError('internal', 'UNIQUE constraint failed');
        return result;
      },
    }),
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      return (await codeOf(store.append(ws, of([0])))) !== undefined;
    },
  },
  {
    id: 'M007',
    what: 'a bad record is skipped, the rest is kept',
    law: 'OP-05',
    make: writing((records) =>
      Array.isArray(records) ? records.filter((one) => Number.isSafeInteger(one?.counter) && one.counter >= 0) : records,
    ),
    witness: async (store, ws) => (await codeOf(store.append(ws, of([0, -1])))) === undefined,
  },
  {
    id: 'M008',
    what: 'a bad record ends the call, but what came before it is kept',
    law: 'OP-06',
    make: (base) => ({
      ...base,
      append: async (ws, records, options, call) => {
        const at = Array.isArray(records) ? records.findIndex((one) => !(one?.counter >= 0)) : -1;
        if (at > 0) await base.append(ws, records.slice(0, at), options, call);
        return await base.append(ws, records, options, call);
      },
    }),
    witness: async (store, ws) => {
      await codeOf(store.append(ws, of([0, -1])));
      return (await size(store, ws)) > 0;
    },
  },
  {
    id: 'M011',
    what: 'acknowledges before it commits',
    law: 'OP-01',
    make: (base) => ({
      ...base,
      append: async (...args) => {
        const head = await base.head(args[0]);
        if (args[1].length === 0) return await base.append(...args);
        setImmediate(() => void base.append(...args).catch(() => undefined));
        return { added: args[1].length, committedAt: (head?.position ?? 0) + args[1].length, through: head?.cursor };
      },
    }),
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      return (await size(store, ws)) === 0;
    },
  },
  {
    id: 'M016',
    what: 'read, change, write: of two calls at once one is lost',
    law: 'OP-27',
    make: (base) => {
      let busy = false;
      return {
        ...base,
        append: async (ws, records, options, call) => {
          if (busy && records.length > 0) return { ...(await base.append(ws, [], options, call)), added: records.length };
          busy = true;
          try {
            return await base.append(ws, records, options, call);
          } finally {
            busy = false;
          }
        },
      };
    },
    witness: async (store, ws) => {
      await Promise.all([store.append(ws, of([0])), store.append(ws, of([0], 'b'))]);
      return (await size(store, ws)) === 1;
    },
  },
  {
    id: 'M023',
    what: 'checks before it inserts: of two conflicting calls at once both are told yes',
    law: 'OP-29',
    make: (base) => {
      let busy = 0;
      return {
        ...base,
        append: async (...args) => {
          const alone = busy++ === 0;
          try {
            return await base.append(...args);
          } catch (error) {
            if (alone) throw error;
            return await withoutNamed(base, args, error);
          } finally {
            busy--;
          }
        },
      };
    },
    witness: async (store, ws) => {
      const codes = await Promise.all([codeOf(store.append(ws, of([0]))), codeOf(store.append(ws, other))]);
      return codes.every((code) => code === undefined);
    },
  },
  {
    id: 'M025',
    what: 'sorts the caller’s list',
    law: 'OP-09',
    make: writing((records) =>
      Array.isArray(records) ? (records as OpRecord[]).sort((a, b) => Number(a?.counter) - Number(b?.counter)) : records,
    ),
    witness: async (store, ws) => {
      const list = of([1, 0]);
      await store.append(ws, list);
      return list[0]?.counter === 0;
    },
  },
  {
    id: 'M026',
    what: 'stores the whole buffer behind a view',
    law: 'OP-09',
    make: writing((records) =>
      Array.isArray(records)
        ? records.map((one: OpRecord) => (one?.body instanceof Uint8Array ? { ...one, body: new Uint8Array(one.body.buffer) } : one))
        : records,
    ),
    witness: async (store, ws) => {
      await store.append(ws, [{ ...(of([0])[0] as OpRecord), body: new Uint8Array(8).subarray(2, 4) }]);
      return (await store.read(ws, { limit: 1 })).records[0]?.body.length === 8;
    },
  },
  {
    id: 'M028',
    what: 'an empty call is an error',
    law: 'OP-07',
    make: (base) => ({
      ...base,
      append: (ws, records, options, call) =>
        records.length === 0 ? Promise.reject(new StoreError('invalid', 'nothing to append')) : base.append(ws, records, options, call),
    }),
    witness: async (store, ws) => (await codeOf(store.append(ws, []))) !== undefined,
  },
  {
    id: 'M201',
    what: 'counts duplicates as added',
    law: 'OP-08',
    make: (base) => ({ ...base, append: async (...args) => ({ ...(await base.append(...args)), added: args[1].length }) }),
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      return (await store.append(ws, of([0]))).added === 1;
    },
  },
  {
    id: 'M202',
    what: 'inside one call the last of two bodies wins',
    law: 'OP-04',
    make: writing((records) =>
      Array.isArray(records)
        ? records.filter((one: OpRecord, i) => !records.slice(i + 1).some((later: OpRecord) => idOf(later) === idOf(one)))
        : records,
    ),
    witness: async (store, ws) => (await codeOf(store.append(ws, [...of([0]), ...other]))) === undefined,
  },
  {
    id: 'M203',
    what: 'tells the head’s position in place of the call’s own',
    law: 'OP-27',
    make: (base) => ({
      ...base,
      append: async (...args) => {
        const result = await base.append(...args);
        await Promise.resolve();
        return { ...result, committedAt: (await base.head(args[0]))?.position ?? 0 };
      },
    }),
    witness: async (store, ws) => {
      const [first] = await Promise.all([store.append(ws, of([0])), store.append(ws, of([1]))]);
      return first.committedAt === 2;
    },
  },
  {
    id: 'M204',
    what: 'of the same record at once, each writer is told it was added',
    law: 'OP-28',
    make: (base) => {
      let busy = 0;
      return {
        ...base,
        append: async (...args) => {
          busy++;
          const result = await base.append(...args);
          return { ...result, added: --busy > 0 ? args[1].length : result.added };
        },
      };
    },
    witness: async (store, ws) => {
      const results = await Promise.all([store.append(ws, of([0])), store.append(ws, of([0])), store.append(ws, of([0]))]);
      return results.reduce((sum, one) => sum + one.added, 0) > 1;
    },
  },
  {
    id: 'M205',
    what: 'one refusal in a commit group fails the whole group',
    law: 'OP-57',
    make: (base) => {
      let group: Promise<unknown>[] = [];
      return {
        ...base,
        append: async (...args) => {
          if (group.length === 0) setImmediate(() => (group = []));
          const mine = base.append(...args);
          mine.catch(() => undefined); // heard below, once the whole group is known
          group.push(mine);
          const all = group;
          await new Promise((resolve) => setImmediate(resolve));
          await Promise.all(all);
          return await mine;
        },
      };
    },
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      const [good] = await Promise.all([codeOf(store.append(ws, of([1]))), codeOf(store.append(ws, other))]);
      return good !== undefined;
    },
  },
  {
    id: 'M206',
    what: 'gives up as unavailable when many write at once',
    law: 'OP-33',
    make: (base) => {
      let busy = 0;
      return {
        ...base,
        append: async (...args) => {
          if (busy >= 50) throw new StoreError('unavailable', 'database is locked');
          busy++;
          try {
            return await base.append(...args);
          } finally {
            busy--;
          }
        },
      };
    },
    witness: async (store, ws) => {
      const codes = await Promise.all(Array.from({ length: 60 }, (_, i) => codeOf(store.append(ws, of([i])))));
      return codes.includes('unavailable');
    },
  },
];
