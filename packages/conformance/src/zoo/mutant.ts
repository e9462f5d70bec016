import type { OpRecord, OpStore, OpStoreCapabilities, StoredRecord, WorkspaceId } from '@spacestore/core';
import { type MemoryOpPlace, memoryOpPlace, memoryOpStore } from '@spacestore/core/memory';
import { opStoreSubject, type Subject } from '../subject.ts';

/** A store that is broken on purpose, in one way: the law it names must find it. */
export interface OpMutant {
  /** From the catalogue of mutants; stable. */
  readonly id: string;
  /** What it does wrong. */
  readonly what: string;
  /** The law that must kill it. */
  readonly law: string;
  readonly make: (base: OpStore, context: MutantContext) => OpStore;
  /** Capabilities it claims beyond those of the memory store. */
  readonly claims?: Partial<OpStoreCapabilities>;
  /** Shows the broken behaviour by itself: true for the mutant, false for the store it was made of. */
  readonly witness: (store: OpStore, workspace: WorkspaceId, another: () => OpStore) => Promise<boolean>;
}

export interface MutantContext {
  /** Shared by all handles of one place. */
  readonly shared: Map<string, unknown>;
}

interface MutantPlace {
  readonly memory: MemoryOpPlace;
  readonly shared: Map<string, unknown>;
}

const always: OpMutant['make'] = (base) => base;

/** The mutant as a subject; without one, the store that all of them are made of. */
export function mutantSubject(mutant?: OpMutant): Subject<'op-store'> {
  const places: MutantPlace[] = [];
  return opStoreSubject({
    name: mutant?.id ?? 'reference',
    setup: () => ({ number: places.push({ memory: memoryOpPlace(), shared: new Map() }) - 1 }),
    open: ({ number }, { clock }) => {
      const place = places[number] as MutantPlace;
      const base = memoryOpStore({ place: place.memory, clock, capabilities: { maxCallRecords: 5000 } });
      const claimed = { ...base, capabilities: { ...base.capabilities, durable: 'process' as const, ...mutant?.claims } };
      return (mutant?.make ?? always)(claimed, { shared: place.shared });
    },
  });
}

/** Appends a changed list of records. */
export const writing =
  (change: (records: readonly OpRecord[]) => readonly OpRecord[]): OpMutant['make'] =>
  (base) => ({ ...base, append: (workspace, records, options, call) => base.append(workspace, change(records), options, call) });

/** Reads changed records. */
export const reading =
  (change: (record: StoredRecord) => StoredRecord): OpMutant['make'] =>
  (base) => ({
    ...base,
    read: async (workspace, query, call) => {
      const page = await base.read(workspace, query, call);
      return { ...page, records: page.records.map(change) };
    },
  });

/** Records for witnesses: counters of one peer in one tree. */
export const of = (counters: readonly number[], peer = 'a', tree = 't', body = 'x'): OpRecord[] =>
  counters.map((counter) => ({ tree, peer, counter, body: new TextEncoder().encode(body) }) as unknown as OpRecord);

/** How many records a workspace has. */
export const size = async (store: OpStore, workspace: WorkspaceId): Promise<number> =>
  (await store.read(workspace, { limit: 10_000 })).records.length;

/** The code of a refusal, or undefined. */
export async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}
