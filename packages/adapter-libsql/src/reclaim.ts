import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Closed handles that may wait at once: 16 MB and 192 descriptors. */
const maxWaiting = 64;

export interface Reclaim {
  readonly opened: () => void;
  /** One that made no statement is closed already. */
  readonly closed: (hadStatements: boolean) => void;
}

/** Gives back what closed handles hold. libsql closes a file, with its descriptors and its `-wal`, when the last statement made on it is collected as garbage,
 *  and has no other way; V8 does not know that a few objects of 50 bytes hold three descriptors and 250 KB, and may wait for minutes. So the heap is
 *  collected once 64 handles wait for it, or none is open any more: 3 ms for a small heap, 200 ms for a million objects. */
export function reclaim(): Reclaim {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { readonly type: 'major'; readonly execution: 'sync' }) => void;
  let open = 0;
  let waiting = 0;
  return {
    opened: () => {
      open++;
    },
    closed: (hadStatements) => {
      open--;
      if (hadStatements) waiting++;
      if (waiting === 0 || (open > 0 && waiting < maxWaiting)) return;
      waiting = 0;
      collect({ type: 'major', execution: 'sync' });
    },
  };
}
