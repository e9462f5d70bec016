import type { OpRecord, WorkspaceId } from '@spacestore/core';
import { codeOf, type OpMutant, of, size, writing } from './mutant.ts';

const eachPeer = (change: (peer: string) => string): OpMutant['make'] =>
  writing((records) =>
    Array.isArray(records)
      ? records.map((one: OpRecord) => (typeof one?.peer === 'string' ? { ...one, peer: change(one.peer) as never } : one))
      : records,
  );
const eachBody = (change: (body: Uint8Array) => Uint8Array): OpMutant['make'] =>
  writing((records) =>
    Array.isArray(records)
      ? records.map((one: OpRecord) => (one?.body instanceof Uint8Array ? { ...one, body: change(one.body) } : one))
      : records,
  );
const eachCounter = (change: (counter: number) => number): OpMutant['make'] =>
  writing((records) =>
    Array.isArray(records)
      ? records.map((one: OpRecord) => (typeof one?.counter === 'number' ? { ...one, counter: change(one.counter) } : one))
      : records,
  );

const accepts =
  (peer: string): OpMutant['witness'] =>
  async (store, ws) =>
    (await codeOf(store.append(ws, of([0], peer)))) === undefined;

const keepsBody =
  (body: Uint8Array): OpMutant['witness'] =>
  async (store, ws) => {
    await store.append(ws, [{ ...(of([0])[0] as OpRecord), body }]);
    const back = (await store.read(ws, { limit: 1 })).records[0]?.body;
    return back === undefined || Buffer.compare(back, body) !== 0;
  };

/** Broken ideas of what makes two things the same. */
export const identityMutants: readonly OpMutant[] = [
  { id: 'M031', what: 'normalises ids', law: 'OP-12', make: eachPeer((peer) => peer.normalize('NFKC')), witness: accepts('\uff41') },
  { id: 'M032', what: 'trims ids', law: 'OP-12', make: eachPeer((peer) => peer.trim()), witness: accepts(' a') },
  {
    id: 'M034',
    what: 'cuts ids at 127 characters',
    law: 'OP-13',
    make: eachPeer((peer) => (peer.length === 128 ? peer.slice(0, 127) : peer)),
    witness: async (store, ws) => {
      await store.append(ws, of([0], 'x'.repeat(128)));
      return (await store.read(ws, { limit: 1 })).records[0]?.peer.length === 127;
    },
  },
  {
    id: 'M035',
    what: 'keys by peer and counter glued together',
    law: 'OP-13',
    make: (base, { shared }) => ({
      ...base,
      append: async (ws, records, options, call) => {
        const glue = (one: OpRecord): string => `${ws}/${one.tree}/${one.peer}${one.counter}`;
        const id = (one: OpRecord): string => `${one.peer}|${one.counter}`;
        const fresh = Array.isArray(records) ? records.filter((one: OpRecord) => (shared.get(glue(one)) ?? id(one)) === id(one)) : records;
        const result = await base.append(ws, fresh, options, call);
        for (const one of fresh) shared.set(glue(one), id(one));
        return result;
      },
    }),
    witness: async (store, ws) => {
      await store.append(ws, [...of([11], 'a')]);
      await store.append(ws, [...of([1], 'a1')]);
      return (await size(store, ws)) === 1;
    },
  },
  {
    id: 'M041',
    what: 'keeps counters in 32 bits',
    law: 'OP-14',
    make: eachCounter((counter) => (counter > 2 ** 31 - 1 ? counter | 0 || 0 : counter)),
    witness: async (store, ws) => (await codeOf(store.append(ws, of([2 ** 31])))) !== undefined,
  },
  {
    id: 'M044',
    what: 'takes counter 0 for none',
    law: 'OP-14',
    make: eachCounter((counter) => counter || Number.NaN),
    witness: async (store, ws) => (await codeOf(store.append(ws, of([0])))) !== undefined,
  },
  {
    id: 'M047',
    what: 'folds the case of workspaces',
    law: 'OP-12',
    make: (base) => ({
      ...base,
      append: (ws, ...rest) => base.append((typeof ws === 'string' ? ws.toLowerCase() : ws) as WorkspaceId, ...rest),
    }),
    witness: async (store) => (await codeOf(store.append('ABC' as WorkspaceId, of([0])))) === undefined,
  },
  {
    id: 'M050',
    what: 'takes an empty body for none',
    law: 'OP-10',
    make: eachBody((body) => (body.length === 0 ? Uint8Array.of(0) : body)),
    witness: keepsBody(new Uint8Array(0)),
  },
  {
    id: 'M053',
    what: 'keeps bodies as UTF-8 text',
    law: 'OP-10',
    make: eachBody((body) => new TextEncoder().encode(new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(body)))),
    witness: keepsBody(Uint8Array.of(0xff)),
  },
  {
    id: 'M055',
    what: 'cuts bodies at 64 KiB',
    law: 'OP-10',
    make: eachBody((body) => body.slice(0, 65_535)),
    witness: keepsBody(new Uint8Array(70_000)),
  },
  {
    id: 'M210',
    what: 'cuts bodies at NUL',
    law: 'OP-10',
    make: eachBody((body) => (body.includes(0) ? body.slice(0, body.indexOf(0)) : body)),
    witness: keepsBody(Uint8Array.of(97, 0, 98)),
  },
  {
    id: 'M211',
    what: 'tells ids apart without regard to case',
    law: 'OP-13',
    make: (base, { shared }) => ({
      ...base,
      append: (ws, records, options, call) => {
        const known = (one: OpRecord): OpRecord => {
          const key = `${ws}/${one.tree}/${one.peer}`.toLowerCase();
          if (!shared.has(key)) shared.set(key, one.peer);
          return { ...one, peer: shared.get(key) as OpRecord['peer'] };
        };
        const valid = Array.isArray(records) && records.every((one) => typeof one?.peer === 'string' && typeof one?.tree === 'string');
        return base.append(ws, valid ? records.map(known) : records, options, call);
      },
    }),
    witness: async (store, ws) => {
      await store.append(ws, of([0], 'a'));
      await store.append(ws, of([0], 'A'));
      return (await size(store, ws)) === 1;
    },
  },
];
