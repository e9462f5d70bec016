import { outboxSubject, type Subject } from '@spacestore/conformance';
import { type MemoryOutboxPlace, memoryOutbox, memoryOutboxPlace } from '@spacestore/core/memory';

/** Places by number: a place must be JSON-able, and memory is not. */
const places: MemoryOutboxPlace[] = [];

const memory: Subject<'outbox'> = outboxSubject({
  name: 'memory-outbox',
  setup: () => ({ memory: places.push(memoryOutboxPlace()) - 1 }),
  open: ({ memory: at }, { clock }) => memoryOutbox({ clock, place: places[at] as MemoryOutboxPlace }),
});

export const subjects: readonly Subject<'outbox'>[] = [memory];
