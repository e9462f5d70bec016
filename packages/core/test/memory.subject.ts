import { opStoreSubject, type Subject } from '@spacestore/conformance';
import { type MemoryOpPlace, memoryOpPlace, memoryOpStore } from '@spacestore/core/memory';

/** Places by number: a place must be JSON-able, and memory is not. */
const places = new Map<number, MemoryOpPlace>();

const place = (): { readonly memory: number } => {
  places.set(places.size, memoryOpPlace());
  return { memory: places.size - 1 };
};

const memory: Subject<'op-store'> = opStoreSubject({
  name: 'memory',
  setup: place,
  open: ({ memory }, { clock }) => memoryOpStore({ clock, place: places.get(memory) as MemoryOpPlace }),
});

/** The same with nothing claimed that could be left out, and small limits. */
const memoryBare: Subject<'op-store'> = opStoreSubject({
  name: 'memory-bare',
  setup: place,
  open: ({ memory }, { clock }) =>
    memoryOpStore({
      clock,
      place: places.get(memory) as MemoryOpPlace,
      capabilities: { fence: false, via: false, receivedAt: false, snapshot: false, maxBodyBytes: 5000, maxCallRecords: 50 },
    }),
});

export const subjects: readonly Subject<'op-store'>[] = [memory, memoryBare];
