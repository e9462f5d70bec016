import type { CallOptions } from './call.ts';
import { StoreError } from './errors.ts';

/** Settles as the work does, or fails with `aborted` as soon as the caller gives up. The work itself goes on: only for work
 *  that is undone or harmless then. Leaves no listener behind. */
export async function orAborted<Result>(work: Promise<Result>, call: CallOptions | undefined): Promise<Result> {
  const signal = call?.signal;
  if (signal === undefined) return work;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new StoreError('aborted', 'aborted by the caller', { cause: signal.reason }));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}
