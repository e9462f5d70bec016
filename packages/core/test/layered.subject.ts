import { opStoreSubject, type Subject } from '@spacestore/conformance';
import type { OpStore } from '@spacestore/core';
import { type Layer, layered, retry, timeout, tracing, verifyOps } from '@spacestore/core/layers';
import { type MemoryOpPlace, memoryOpPlace, memoryOpStore } from '@spacestore/core/memory';

/** Places by number: a place must be JSON-able, and memory is not. */
const places = new Map<number, MemoryOpPlace>();

/** The memory store under layers: a layer changes no law. */
const under = (name: string, layers: readonly Layer<OpStore>[]): Subject<'op-store'> =>
  opStoreSubject({
    name: `memory-${name}`,
    setup: () => {
      places.set(places.size, memoryOpPlace());
      return { memory: places.size - 1 };
    },
    open: ({ memory }, { clock }) => layered(memoryOpStore({ clock, place: places.get(memory) as MemoryOpPlace }), layers),
  });

const aMinute = timeout('OpStore', { timeoutMs: 60_000 });

export const subjects: readonly Subject<'op-store'>[] = [
  under('retry', [retry('OpStore')]),
  under('verify', [verifyOps()]),
  under('layers', [aMinute, retry('OpStore'), verifyOps(), tracing('OpStore')]),
];
