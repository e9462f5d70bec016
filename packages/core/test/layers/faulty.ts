import { StoreError, type StoreErrorCode } from '@spacestore/core';
import type { Schedule } from '@spacestore/core/layers';

/** What happens to the next call of a method: it fails before the work, or after it (the reply is lost), or is never answered. */
export type Fault = `${'before' | 'after'}:${StoreErrorCode}` | 'hang' | 'hang after' | 'none';

export interface Faulty<Store> {
  readonly store: Store;
  /** Names of the methods called, in order. */
  readonly calls: string[];
  /** Faults of the coming calls, whatever their method; without one a call goes through. */
  readonly faults: Fault[];
}

/** A store whose calls fail by a script. */
export function faulty<Store extends object>(inner: Store): Faulty<Store> {
  const calls: string[] = [];
  const faults: Fault[] = [];
  const store = Object.fromEntries(
    Object.entries(inner).map(([name, value]: [string, unknown]) => {
      if (typeof value !== 'function' || name === 'close') return [name, value];
      const method = value as (...args: readonly unknown[]) => Promise<unknown>;
      return [
        name,
        async (...args: readonly unknown[]) => {
          calls.push(name);
          const fault = faults.shift() ?? 'none';
          const [when, code] = fault.split(':') as [string, StoreErrorCode];
          if (when === 'hang') return new Promise(() => undefined);
          if (when === 'before') throw new StoreError(code, 'by script');
          const result = await method(...args);
          if (when === 'hang after') return new Promise(() => undefined);
          if (when === 'after') throw new StoreError(code, 'by script');
          return result;
        },
      ];
    }),
  ) as Store;
  return { store, calls, faults };
}

/** Timers that fire when told to. */
export function manualTimers(): {
  readonly schedule: Schedule;
  readonly delays: number[];
  readonly pending: () => number;
  readonly fire: () => void;
} {
  const waiting = new Set<() => void>();
  const delays: number[] = [];
  return {
    delays,
    pending: () => waiting.size,
    fire: () => {
      const due = Array.from(waiting);
      waiting.clear();
      for (const run of due) run();
    },
    schedule: (run, delayMs) => {
      delays.push(delayMs);
      waiting.add(run);
      return () => waiting.delete(run);
    },
  };
}

/** Timers that fire at once, and remember how long they would have taken. */
export function instantTimers(): { readonly schedule: Schedule; readonly delays: number[] } {
  const delays: number[] = [];
  return {
    delays,
    schedule: (run, delayMs) => {
      delays.push(delayMs);
      queueMicrotask(run);
      return () => undefined;
    },
  };
}

/** Lets everything go on that can go on without time passing. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
