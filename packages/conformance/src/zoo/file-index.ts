import type { BlobKey, FileEntry, FileIndex, WorkspaceId } from '@spacestore/core';
import { hasCode } from '@spacestore/core';
import { type MemoryFilePlace, memoryFileIndex, memoryFilePlace } from '@spacestore/core/memory';
import { entryWords, fileKey } from '../laws/file-index/scene.ts';
import { fileIndexSubject, type Subject } from '../subject.ts';

/** A file index that is broken on purpose, in one way. */
export interface FileIndexMutant {
  readonly id: string;
  readonly what: string;
  /** The law that must kill it. */
  readonly law: string;
  readonly make: (base: FileIndex) => FileIndex;
  /** True for the mutant, false for the index it was made of. */
  readonly witness: (index: FileIndex) => Promise<boolean>;
}

/** The mutant as a subject; without one, the index that all of them are made of. */
export function fileIndexMutantSubject(mutant?: FileIndexMutant): Subject<'file-index'> {
  const places: MemoryFilePlace[] = [];
  return fileIndexSubject({
    name: mutant?.id ?? 'reference',
    setup: () => ({ number: places.push(memoryFilePlace()) - 1 }),
    open: ({ number }) => openFileIndex(places[number] as MemoryFilePlace, mutant),
  });
}

export const openFileIndex = (place: MemoryFilePlace = memoryFilePlace(), mutant?: FileIndexMutant): FileIndex => {
  const base = memoryFileIndex({ place });
  return mutant ? mutant.make(base) : base;
};

const ws = 'w' as WorkspaceId;
const key: BlobKey = fileKey(1);
const entry: FileEntry = { key, sizeBytes: 5, createdAt: 7, state: 'ready', name: 'a' };

const isRefused = async (call: Promise<unknown>): Promise<boolean> =>
  call.then(
    () => false,
    (error: unknown) => hasCode(error, 'conflict'),
  );

/** Broken file indexes. */
export const fileIndexMutants: readonly FileIndexMutant[] = [
  {
    id: 'M180',
    what: 'replaces without comparing',
    law: 'FI-02',
    make: (base) => ({
      ...base,
      replace: async (workspace, at, _from, to, call) => (to ? base.put(workspace, to, call) : base.delete(workspace, at, call)),
    }),
    witness: async (index) => {
      await index.put(ws, entry);
      return !(await isRefused(index.replace(ws, key, undefined, { ...entry, createdAt: 8 })));
    },
  },
  {
    id: 'M181',
    what: 'compares first and writes in another step',
    law: 'FI-02',
    make: (base) => ({
      ...base,
      replace: async (workspace, at, from, to, call) => {
        const present = await base.get(workspace, at, call);
        if (JSON.stringify(present) !== JSON.stringify(to))
          await base.replace(workspace, at, from, present ?? undefined, call).catch((error: unknown) => {
            if (JSON.stringify(present) !== JSON.stringify(from)) throw error;
          });
        await new Promise((resolve) => setImmediate(resolve));
        await (to ? base.put(workspace, to, call) : base.delete(workspace, at, call));
      },
    }),
    witness: async (index) => {
      const outcomes = await Promise.all([8, 9].map((createdAt) => isRefused(index.replace(ws, key, undefined, { ...entry, createdAt }))));
      return outcomes.every((refusal) => !refusal);
    },
  },
  {
    id: 'M182',
    what: 'takes entries for the same that differ in their time alone',
    law: 'FI-02',
    make: (base) => ({
      ...base,
      replace: async (workspace, at, from, to, call) => {
        const present = await base.get(workspace, at, call);
        const near = present && from && entryWords({ ...present, createdAt: 0 }) === entryWords({ ...from, createdAt: 0 });
        return base.replace(workspace, at, near ? present : from, to, call);
      },
    }),
    witness: async (index) => {
      await index.put(ws, entry);
      return !(await isRefused(index.replace(ws, key, { ...entry, createdAt: 8 }, undefined)));
    },
  },
  {
    id: 'M183',
    what: 'lists what is being removed as ready',
    law: 'FI-01',
    make: (base) => ({
      ...base,
      list: async (workspace, query, call) => {
        const page = await base.list(workspace, { ...query, ...(query.state === 'ready' && { state: undefined as never }) }, call);
        return query.state === 'ready' ? { ...page, items: page.items.filter(({ state }) => state !== 'pending') } : page;
      },
    }),
    witness: async (index) => {
      await index.put(ws, { ...entry, state: 'deleting' });
      return (await index.list(ws, { state: 'ready', limit: 10 })).items.length > 0;
    },
  },
  {
    id: 'M184',
    what: 'overwrites a mark of removal, as an upload that does not look',
    law: 'FI-03',
    make: (base) => ({
      ...base,
      get: async (workspace, at, call) => {
        const present = await base.get(workspace, at, call);
        return present?.state === 'deleting' ? { ...present, state: 'ready' } : present;
      },
      replace: async (workspace, at, from, to, call) => {
        const present = await base.get(workspace, at, call);
        if (present?.state === 'deleting' && to?.state === 'ready') return base.put(workspace, to, call);
        return base.replace(workspace, at, from, to, call);
      },
    }),
    witness: async (index) => {
      await index.put(ws, { ...entry, state: 'deleting' });
      return (await index.get(ws, key))?.state === 'ready';
    },
  },
];
