import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Closed handles that may wait at once: 16 MB and 192 descriptors. */
const maxWaiting = 64;

export interface Reclaim {
  /** A handle that made statements was closed. */
  readonly closed: () => void;
  /** Resolves when all that were closed before have given back what they held. */
  readonly settle: () => Promise<void>;
}

/** Gives back what closed handles hold. libsql closes a file, with its descriptors and its `-wal`, when the last statement made on it is collected as garbage,
 *  and has no other way; V8 does not know that a few objects of 50 bytes hold three descriptors and 250 KB, and may wait for minutes. So the heap is
 *  collected once 64 handles wait for it, and at the end: 3 ms for a small heap, 200 ms for a million objects. */
export function reclaim(): Reclaim {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { readonly type: 'major'; readonly execution: 'sync' }) => void;
  let waiting = 0;
  const collectAll = (): void => {
    if (waiting > 0) collect({ type: 'major', execution: 'sync' });
    waiting = 0;
  };
  return {
    closed: () => {
      waiting++;
      if (waiting >= maxWaiting) collectAll();
    },
    settle: async () => {
      await nextTurn(); // whoever called `close` may still have a statement on the stack
      collectAll();
      await nextTurn(); // what was collected is given back between turns
    },
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
