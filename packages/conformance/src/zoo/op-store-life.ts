import { type Cursor, type Head, type OpStore, StoreError, type WorkspaceId } from '@spacestore/core';
import { memoryOpStore } from '@spacestore/core/memory';
import { codeOf, type OpMutant, of, reading, size } from './mutant.ts';

/** Makes every cursor belong to one incarnation for ever, and takes it back to the real one. */
const oneIncarnation: OpMutant['make'] = (base) => {
  const fake = '0000000000000000';
  const out = <Value>(value: Value, real: string | undefined): Value =>
    real === undefined ? value : (JSON.parse(JSON.stringify(value).replaceAll(real, fake)) as Value);
  const into = (cursor: Cursor | undefined, real: string | undefined): Cursor | undefined =>
    real === undefined ? cursor : (cursor?.replace(fake, real) as Cursor | undefined);
  return {
    ...base,
    head: async (ws, call) => {
      const head = await base.head(ws, call);
      return out(head ?? null, head?.incarnation) ?? undefined;
    },
    read: async (ws, query, call) => {
      const real = (await base.head(ws))?.incarnation;
      const [after, through] = [into(query.after, real), into(query.through, real)];
      const page = await base.read(ws, { ...query, ...(after ? { after } : {}), ...(through ? { through } : {}) }, call);
      return { ...page, through: out(page.through ?? null, real) ?? undefined };
    },
  };
};

/** Broken lives: opening, closing, dropping, times, epochs, histories. */
export const lifeMutants: readonly OpMutant[] = [
  {
    id: 'M088',
    what: 'the last append is lost at close',
    law: 'OP-36',
    make: (base) => {
      let last: WorkspaceId | undefined;
      return {
        ...base,
        append: (...args) => {
          last = args[0];
          return base.append(...args);
        },
        close: async () => {
          const records = last && (await base.read(last, { limit: 10_000 })).records.slice(0, -1);
          if (last && records) {
            await base.drop(last);
            await base.append(last, records);
          }
          last = undefined;
          await base.close();
        },
      };
    },
    witness: async (store, ws, another) => {
      await store.append(ws, of([0, 1]));
      await store.close();
      return (await size(another(), ws)) === 1;
    },
  },
  {
    id: 'M106',
    what: 'claims to be durable and is memory',
    law: 'OP-36',
    claims: { multiHandle: false },
    make: (base) => ({ ...memoryOpStore(), capabilities: base.capabilities }),
    witness: async (store, ws, another) => {
      await store.append(ws, of([0]));
      await store.close();
      return (await size(another(), ws)) === 0;
    },
  },
  {
    id: 'M097',
    what: 'drop removes whatever begins like the workspace',
    law: 'OP-44',
    make: (base) => ({
      ...base,
      drop: async (ws, options, call) => {
        await base.drop(ws, options, call);
        for (const other of (await base.workspaces({ limit: 1000 })).items) if (other.startsWith(ws)) await base.drop(other);
      },
    }),
    witness: async (store, ws) => {
      const other = `${ws}2` as WorkspaceId;
      await store.append(other, of([0]));
      await store.drop(ws);
      return (await size(store, other)) === 0;
    },
  },
  {
    id: 'M046',
    what: 'reads a workspace with LIKE: its _ matches any letter',
    law: 'OP-43',
    make: (base) => ({
      ...base,
      head: async (ws, call) => {
        const head = await base.head(ws, call);
        if (head || typeof ws !== 'string') return head;
        const pattern = new RegExp(`^${ws.replaceAll('_', '.')}$`);
        const like = (await base.workspaces({ limit: 1000 })).items.find((other) => pattern.test(other));
        return like && (await base.head(like));
      },
    }),
    witness: async (store) => {
      await store.append('abc' as WorkspaceId, of([0]));
      return (await store.head('ab_' as WorkspaceId)) !== undefined;
    },
  },
  {
    id: 'M100',
    what: 'an abort after the commit is reported as a failure',
    law: 'OP-47',
    make: (base) => ({
      ...base,
      append: async (...args) => {
        const result = await base.append(...args);
        await new Promise((resolve) => setImmediate(resolve));
        if (args[3]?.signal?.aborted) throw new StoreError('aborted', 'aborted');
        return result;
      },
    }),
    witness: async (store, ws) => {
      const controller = new AbortController();
      const pending = codeOf(store.append(ws, of([0]), {}, { signal: controller.signal }));
      await Promise.resolve();
      await Promise.resolve();
      controller.abort();
      return (await pending) === 'aborted' && (await size(store, ws)) === 1;
    },
  },
  {
    id: 'M101',
    what: 'leaves a listener on every signal',
    law: 'OP-47',
    make: (base) => ({
      ...base,
      append: (...args) => {
        args[3]?.signal?.addEventListener('abort', () => undefined);
        return base.append(...args);
      },
    }),
    witness: async (store, ws) => {
      const { signal } = new AbortController();
      let listeners = 0;
      Object.assign(signal, { addEventListener: () => listeners++, removeEventListener: () => listeners-- });
      await store.append(ws, of([0]), {}, { signal });
      return listeners > 0;
    },
  },
  {
    id: 'M104',
    what: 'a timer of each handle outlives its close',
    law: 'OP-48',
    make: (base) => {
      setTimeout(() => undefined, 20_000).unref(); // unref, so that it can't keep this kit's own process
      const timer = setTimeout(() => undefined, 3000);
      return { ...base, close: () => (timer.hasRef() ? base.close() : base.close()) };
    },
    witness: async (_store, _ws, another) => {
      const before = process.getActiveResourcesInfo().length;
      await another().close();
      return process.getActiveResourcesInfo().length > before;
    },
  },
  {
    id: 'M230',
    what: 'works on after close',
    law: 'OP-35',
    make: (base) => ({ ...base, close: async () => undefined }),
    witness: async (store, ws) => {
      await store.close();
      return (await codeOf(store.append(ws, of([0])))) === undefined;
    },
  },
  {
    id: 'M231',
    what: 'appends under way at close are acknowledged and lost',
    law: 'OP-34',
    make: (base) => {
      let closing = false;
      return {
        ...base,
        append: async (...args) => {
          const head = await base.head(args[0]);
          await Promise.resolve();
          if (closing) return { added: args[1].length, committedAt: head?.position ?? 0, through: head?.cursor };
          return await base.append(...args);
        },
        close: async () => {
          closing = true;
          await new Promise((resolve) => setImmediate(resolve));
          await base.close();
        },
      };
    },
    witness: async (store, ws, another) => {
      const pending = codeOf(store.append(ws, of([0])));
      await store.close();
      return (await pending) === undefined && (await size(another(), ws)) === 0;
    },
  },
  {
    id: 'M056',
    what: 'keeps dates in seconds',
    law: 'OP-55',
    make: reading((one) => ({ ...one, receivedAt: Math.floor(one.receivedAt / 1000) * 1000 })),
    witness: async (store, ws) => {
      await store.append(ws, of([0]), { receivedAt: 1_900_000_000_123 });
      return (await store.read(ws, { limit: 1 })).records[0]?.receivedAt === 1_900_000_000_000;
    },
  },
  {
    id: 'M232',
    what: 'refuses to write when the clock runs backwards',
    law: 'OP-49',
    make: (base, { shared }) => ({
      ...base,
      append: async (...args) => {
        const result = await base.append(...args);
        const last = (await base.read(args[0], { limit: 10_000 })).records.map((one) => one.receivedAt);
        const before = last.at(-1 - result.added);
        if (result.added > 0 && before !== undefined && before === last.at(-1) && shared.get(`${args[0]}`) === before)
          throw new StoreError('internal', 'time went backwards');
        shared.set(`${args[0]}`, last.at(-1));
        return result;
      },
    }),
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      return (await codeOf(store.append(ws, of([1])))) !== undefined;
    },
  },
  {
    id: 'M233',
    what: 'the epoch of a call is not looked at',
    law: 'OP-54',
    make: (base) => ({
      ...base,
      append: (ws, records, options, call) =>
        base.append(
          ws,
          records,
          typeof options?.ifEpoch === 'number' && Number.isInteger(options.ifEpoch) && options.ifEpoch >= 0
            ? { ...options, ifEpoch: Number.MAX_SAFE_INTEGER }
            : options,
          call,
        ),
    }),
    witness: async (store, ws) => {
      await store.fence(ws, 5);
      return (await codeOf(store.append(ws, of([0]), { ifEpoch: 1 }))) === undefined;
    },
  },
  {
    id: 'M234',
    what: 'an append with an epoch brings a dropped workspace back',
    law: 'OP-54',
    make: (base) => ({
      ...base,
      append: async (ws, records, options, call) => {
        if (options?.ifEpoch !== undefined && (await base.head(ws)) === undefined) return await base.append(ws, records, {}, call);
        return await base.append(ws, records, options, call);
      },
    }),
    witness: async (store, ws) => (await codeOf(store.append(ws, of([0]), { ifEpoch: 0 }))) === undefined,
  },
  {
    id: 'M238',
    what: 'a drop that comes late removes what was made since',
    law: 'OP-54',
    make: (base) => ({
      ...base,
      drop: (ws, options, call) => base.drop(ws, options?.ifEpoch === undefined ? options : { ifEpoch: Number.MAX_SAFE_INTEGER }, call),
    }),
    witness: async (store, ws) => {
      await store.fence(ws, 5);
      return (await codeOf(store.drop(ws, { ifEpoch: 4 }))) === undefined;
    },
  },
  {
    id: 'M235',
    what: 'a log begun again keeps its incarnation: old cursors seem good',
    law: 'OP-56',
    make: oneIncarnation,
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      const first = (await store.head(ws)) as Head;
      await store.drop(ws);
      await store.append(ws, of([0]));
      return (await store.head(ws))?.incarnation === first.incarnation;
    },
  },
  {
    id: 'M236',
    what: 'a restore forgets the lineage',
    law: 'OP-58',
    make: (base) => ({
      ...base,
      restore: async (...args) => ({ ...(await base.restore(...args)), lineage: [] }),
    }),
    witness: async (store, ws) => {
      await store.append(ws, of([0]));
      const snapshot = await store.snapshot(ws);
      return snapshot !== undefined && (await store.restore(ws, snapshot)).lineage.length === 0;
    },
  },
  {
    id: 'M237',
    what: 'its limit is one body byte more than it says',
    law: 'OP-53',
    claims: { maxBodyBytes: 16 * 1024 * 1024 - 1 },
    make: (base) => base,
    witness: async (store, ws) =>
      (await codeOf(store.append(ws, [{ ...of([0])[0], body: new Uint8Array(store.capabilities.maxBodyBytes + 1) } as never]))) ===
      undefined,
  },
  {
    id: 'M240',
    what: 'takes a record below its peer’s highest counter for one it has',
    law: 'OP-51',
    make: (base) => ({
      ...base,
      append: async (ws, records, options, call) => {
        if (!Array.isArray(records) || records.length === 0) return await base.append(ws, records, options, call);
        const { vector } = await base.vector(ws, { limit: 10_000 });
        const late = (one: (typeof records)[number]): boolean => one.counter < (vector.get(one.tree)?.get(one.peer)?.at(-1)?.[1] ?? -1);
        return await base.append(
          ws,
          records.filter((one: (typeof records)[number]) => !late(one)),
          options,
          call,
        );
      },
    }),
    witness: async (store, ws) => {
      await store.append(ws, of([5]));
      await store.append(ws, of([3]));
      return (await size(store, ws)) === 1;
    },
  },
  {
    id: 'M103',
    what: 'all stores of the process share one state',
    law: 'OP-43',
    make: (base) => ({ ...sharedByAll(), capabilities: base.capabilities }),
    claims: {},
    witness: async (store, ws) => {
      await sharedByAll().append(ws, of([0]));
      return (await size(store, ws)) === 1;
    },
  },
];

/** The very fault of M103: state outside of any store. */
const leaked: { store?: OpStore } = {};
function sharedByAll(): OpStore {
  leaked.store ??= memoryOpStore();
  return { ...leaked.store, close: async () => undefined };
}
