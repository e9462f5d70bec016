import { fileIndexSubject, type Subject } from '@spacestore/conformance';
import { type MemoryFilePlace, memoryFileIndex, memoryFilePlace } from '@spacestore/core/memory';

/** Places by number: a place must be JSON-able, and memory is not. */
const places: MemoryFilePlace[] = [];

const memory: Subject<'file-index'> = fileIndexSubject({
  name: 'memory-files',
  setup: () => ({ memory: places.push(memoryFilePlace()) - 1 }),
  open: ({ memory: at }) => memoryFileIndex({ place: places[at] as MemoryFilePlace }),
});

export const subjects: readonly Subject<'file-index'>[] = [memory];
