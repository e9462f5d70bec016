import type { CallOptions } from '../call.ts';
import { StoreError, toStoreError } from '../errors.ts';

/** Runs a function in a later turn of the event loop, after what this turn brought in: `setImmediate` on Node. */
export type Schedule = (run: () => void) => void;

export interface GroupLimits {
  /** With either reached, a group takes no more calls. A call is never split: one alone may be larger. */
  readonly maxRecords: number;
  readonly maxBytes: number;
}

/** A call that waits for its group. */
export interface Waiting<Call, Result> {
  readonly call: Call;
  readonly options: CallOptions | undefined;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: StoreError) => void;
}

/** Gathers the calls of a turn by key and commits them together: one fsync for all. */
export interface GroupCommit<Key, Call, Result> {
  readonly add: (key: Key, call: Call, options: CallOptions | undefined) => Promise<Result>;
  /** Commits what waits for this key now. */
  readonly settle: (key: Key) => Promise<void>;
}

export type GroupVerdict<Result> = { readonly result: Result } | { readonly error: StoreError };

export function groupCommit<Key, Call extends { readonly records: readonly unknown[]; readonly bytes: number }, Result>(
  schedule: Schedule,
  limits: GroupLimits,
  commit: (key: Key, calls: readonly Call[]) => Promise<readonly GroupVerdict<Result>[]>,
): GroupCommit<Key, Call, Result> {
  const queues = new Map<Key, Waiting<Call, Result>[]>();
  /** The group of a key that is being committed: the next one waits for it. */
  const running = new Map<Key, Promise<void>>();

  const flush = async (key: Key): Promise<void> => {
    while (running.has(key)) await running.get(key);
    const queue = queues.get(key);
    if (queue === undefined) return;
    const group = takeGroup(queue, limits);
    if (queue.length === 0) queues.delete(key);
    else plan(key);
    if (group.length === 0) return;
    const work = commitGroup(group, (calls) => commit(key, calls)).finally(() => running.delete(key));
    running.set(key, work);
    await work;
  };

  const plan = (key: Key): void => schedule(() => void flush(key));

  return {
    add: (key, call, options) =>
      new Promise((resolve, reject) => {
        const waiting = { call, options, resolve, reject };
        const queue = queues.get(key);
        if (queue) queue.push(waiting);
        else {
          queues.set(key, [waiting]);
          plan(key);
        }
      }),
    settle: async (key) => {
      while (queues.has(key) || running.has(key)) await flush(key);
    },
  };
}

/** The calls of the next group, taken off the queue. Who gave up before the work started is let go. */
export function takeGroup<Call extends { readonly records: readonly unknown[]; readonly bytes: number }, Result>(
  queue: Waiting<Call, Result>[],
  limits: GroupLimits,
): Waiting<Call, Result>[] {
  const group: Waiting<Call, Result>[] = [];
  let records = 0;
  let bytes = 0;
  let taken = 0;
  for (; taken < queue.length; taken++) {
    const waiting = queue[taken] as Waiting<Call, Result>;
    const { signal } = waiting.options ?? {};
    if (signal?.aborted) waiting.reject(new StoreError('aborted', 'aborted before the work started', { cause: signal.reason }));
    else {
      if (records >= limits.maxRecords || bytes >= limits.maxBytes) break;
      records += waiting.call.records.length;
      bytes += waiting.call.bytes;
      group.push(waiting);
    }
  }
  queue.splice(0, taken);
  return group;
}

async function commitGroup<Call, Result>(
  group: readonly Waiting<Call, Result>[],
  commit: (calls: readonly Call[]) => Promise<readonly GroupVerdict<Result>[]>,
): Promise<void> {
  try {
    const verdicts = await commit(group.map(({ call }) => call));
    group.forEach((waiting, i) => {
      const verdict = verdicts[i] as GroupVerdict<Result>;
      if ('error' in verdict) waiting.reject(verdict.error);
      else waiting.resolve(verdict.result);
    });
  } catch (error) {
    const failure = toStoreError(error);
    for (const waiting of group) waiting.reject(failure);
  }
}
