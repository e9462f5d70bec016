import type { ChangeHints, ChangeListener } from '../contracts/change-hints.ts';
import { pendingHints } from '../hints/pending-hints.ts';

/** What hints of several handles go through, as they would through a database. */
export interface MemoryHintPlace {
  /** From now on hints are lost. */
  readonly interrupt: () => void;
  /** Hints come through again, and every listener is told that it may have missed some. */
  readonly resume: () => void;
  readonly join: (handle: MemoryHintHandle) => () => void;
  readonly others: (handle: MemoryHintHandle) => readonly MemoryHintHandle[];
  readonly isInterrupted: () => boolean;
}

export interface MemoryHintHandle {
  readonly listeners: Set<ChangeListener>;
}

export function memoryHintPlace(): MemoryHintPlace {
  const handles = new Set<MemoryHintHandle>();
  let interrupted = false;
  return {
    interrupt: () => {
      interrupted = true;
    },
    resume: () => {
      interrupted = false;
      for (const handle of handles) for (const listener of handle.listeners) later(handle, listener, () => listener.reconnected());
    },
    join: (handle) => {
      handles.add(handle);
      return () => handles.delete(handle);
    },
    others: (handle) => [...handles].filter((other) => other !== handle),
    isInterrupted: () => interrupted,
  };
}

/** In a later turn, if somebody still listens then. */
function later(handle: MemoryHintHandle, listener: ChangeListener, tell: () => void): void {
  queueMicrotask(() => {
    if (handle.listeners.has(listener)) tell();
  });
}

/** Hints between handles of one process: the executable form of the contract, and a double for tests. */
export function memoryChangeHints(options: { readonly place?: MemoryHintPlace } = {}): ChangeHints {
  const { place = memoryHintPlace() } = options;
  const handle: MemoryHintHandle = { listeners: new Set() };
  const leave = place.join(handle);
  const pending = pendingHints();
  let closed = false;

  const send = (): void => {
    const hints = pending.take();
    if (place.isInterrupted()) return;
    for (const other of place.others(handle))
      for (const listener of other.listeners)
        later(other, listener, () => {
          for (const hint of hints) listener.hint(hint);
        });
  };

  return {
    contractVersion: 1,
    publish: (hint) => {
      if (!closed && pending.add(hint)) queueMicrotask(send);
    },
    subscribe: (given) => {
      const listener = { ...given }; // the same one may subscribe twice
      handle.listeners.add(listener);
      if (!place.isInterrupted()) later(handle, listener, () => listener.reconnected());
      return () => handle.listeners.delete(listener);
    },
    isListening: () => !closed && !place.isInterrupted(),
    close: async () => {
      if (closed) return;
      closed = true;
      send();
      handle.listeners.clear();
      leave();
    },
  };
}
