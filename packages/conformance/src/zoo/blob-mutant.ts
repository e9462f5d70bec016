import type { BlobKey, BlobRoot, BlobStore, ByteSource } from '@spacestore/core';
import { type MemoryBlobPlace, memoryBlobPlace, memoryBlobStore } from '@spacestore/core/memory';
import { blobStoreSubject, type Subject } from '../subject.ts';
import { type CallWire, callWire, overWire } from './blob-wire.ts';

/** A blob store that is broken on purpose, in one way. */
export interface BlobMutant {
  readonly id: string;
  /** What it does wrong. */
  readonly what: string;
  /** The law that must kill it. */
  readonly law: string;
  readonly make: (base: BlobStore, context: BlobMutantContext) => BlobStore;
  /** True for the mutant, false for the store it was made of. */
  readonly witness: (store: BlobStore, context: BlobMutantContext) => Promise<boolean>;
}

export interface BlobMutantContext {
  /** What lies beside the blobs, as temporary files do. */
  readonly beside: Map<string, Uint8Array>;
  /** Between the store and its caller. */
  readonly wire: CallWire;
}

interface BlobMutantPlace extends BlobMutantContext {
  readonly memory: MemoryBlobPlace;
}

/** The mutant as a subject; without one, the store that all of them are made of. */
export function blobMutantSubject(mutant?: BlobMutant): Subject<'blob-store'> {
  const places: BlobMutantPlace[] = [];
  const cells = ({ memory, beside }: BlobMutantPlace): ReadonlyMap<string, Uint8Array> =>
    new Map([
      ...[...memory.blobs].flatMap(([root, blobs]) => [...blobs].map(([key, { bytes }]) => [`${root}:${key}`, bytes] as const)),
      ...beside,
    ]);
  return blobStoreSubject({
    name: mutant?.id ?? 'reference',
    setup: () => ({ number: places.push({ memory: memoryBlobPlace(), beside: new Map(), wire: callWire() }) - 1 }),
    open: ({ number }, { clock }) => {
      const place = places[number] as BlobMutantPlace;
      const base = overWire(memoryBlobStore({ place: place.memory, clock, maxBlobBytes: 500_000 }), place.wire);
      return mutant ? mutant.make(base, place) : base;
    },
    wire: ({ number }) => (places[number] as BlobMutantPlace).wire,
    raw: async ({ number }) => [...cells(places[number] as BlobMutantPlace)].map(([path, bytes]) => ({ path, bytes })),
    cells: ({ number }) => {
      const place = places[number] as BlobMutantPlace;
      return {
        read: async () => cells(place),
        write: async (name, bytes) => {
          const [root, key] = name.split(':') as [BlobRoot, BlobKey];
          const found = place.memory.blobs.get(root)?.get(key);
          if (found) place.memory.blobs.get(root)?.set(key, { ...found, bytes });
        },
      };
    },
  });
}

/** A source's bytes, read once. */
export async function drained(source: ByteSource): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.open()) chunks.push(chunk.slice());
  return Buffer.concat(chunks);
}

export const sourceOf = (bytes: Uint8Array): ByteSource => ({
  sizeBytes: bytes.length,
  open: async function* () {
    if (bytes.length > 0) yield bytes;
  },
});
