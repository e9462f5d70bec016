import { blobStoreSubject, type Subject } from '@spacestore/conformance';
import { type MemoryBlobPlace, memoryBlobPlace, memoryBlobStore } from '@spacestore/core/memory';

/** Places by number: a place must be JSON-able, and memory is not. */
const places: MemoryBlobPlace[] = [];
const setup = (): { readonly memory: number } => ({ memory: places.push(memoryBlobPlace()) - 1 });

const memory: Subject<'blob-store'> = blobStoreSubject({
  name: 'memory-blobs',
  setup,
  open: ({ memory: at }, { clock }) => memoryBlobStore({ clock, place: places[at] as MemoryBlobPlace }),
});

/** The same with a small limit, so that the limit itself is tried. */
const memorySmall: Subject<'blob-store'> = blobStoreSubject({
  name: 'memory-blobs-small',
  setup,
  open: ({ memory: at }, { clock }) => memoryBlobStore({ clock, place: places[at] as MemoryBlobPlace, maxBlobBytes: 500_000 }),
});

export const subjects: readonly Subject<'blob-store'>[] = [memory, memorySmall];
