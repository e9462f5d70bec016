import type { CallOptions } from '../../call.ts';
import { type StoreError, toStoreError } from '../../errors.ts';
import { type GroupLimits, type GroupVerdict, type Schedule, takeGroup, type Waiting } from '../group-commit.ts';

/** What is committed together of one key. */
export interface KeyGroup<Key, Call> {
  readonly key: Key;
  readonly calls: readonly Call[];
}

/** The verdict of each call of a group, or why all of it failed. */
export type KeyOutcome<Result> = readonly GroupVerdict<Result>[] | StoreError;

export interface SharedCommitOptions<Key, Call, Result> {
  readonly schedule: Schedule;
  /** For all keys of a transaction together. */
  readonly limits: GroupLimits;
  /** Transactions at once. */
  readonly writers: number;
  /** An outcome for each group, in order. */
  readonly commit: (groups: readonly KeyGroup<Key, Call>[]) => Promise<readonly KeyOutcome<Result>[]>;
}

/** Gathers the calls of a turn, whatever their keys, and commits them together: one fsync for all. Calls of one key keep their order, so a key is in one
 *  transaction at a time; while it is, its calls gather for the next, and other keys go on. */
export interface SharedCommit<Key, Call, Result> {
  readonly add: (key: Key, call: Call, options: CallOptions | undefined) => Promise<Result>;
  /** Waits until nothing of this key waits or runs. */
  readonly settle: (key: Key) => Promise<void>;
}

export function sharedCommit<Key, Call extends { readonly records: readonly unknown[]; readonly bytes: number }, Result>(
  options: SharedCommitOptions<Key, Call, Result>,
): SharedCommit<Key, Call, Result> {
  const { schedule, limits, writers, commit } = options;
  /** Keys in the order of their oldest call. */
  const queues = new Map<Key, Waiting<Call, Result>[]>();
  const busy = new Map<Key, Promise<void>>();
  let running = 0;
  let isPlanned = false;

  const plan = (): void => {
    if (isPlanned) return;
    isPlanned = true;
    schedule(() => {
      isPlanned = false;
      flush();
    });
  };

  const flush = (): void => {
    while (running < writers) {
      const taken = take();
      if (taken.length === 0) return;
      running++;
      const work = commitAll(taken, commit).finally(() => {
        running--;
        for (const { key } of taken) busy.delete(key);
        flush();
      });
      for (const { key } of taken) busy.set(key, work);
    }
  };

  const take = (): readonly Taken<Key, Call, Result>[] => {
    const taken: Taken<Key, Call, Result>[] = [];
    let { maxRecords, maxBytes } = limits;
    for (const [key, queue] of queues) {
      if (maxRecords <= 0 || maxBytes <= 0) break;
      if (busy.has(key)) continue;
      const group = takeGroup(queue, { maxRecords, maxBytes });
      queues.delete(key);
      if (queue.length > 0) queues.set(key, queue); // behind those that waited longer
      if (group.length === 0) continue;
      for (const { call } of group) {
        maxRecords -= call.records.length;
        maxBytes -= call.bytes;
      }
      taken.push({ key, group });
    }
    return taken;
  };

  return {
    add: (key, call, callOptions) =>
      new Promise((resolve, reject) => {
        const waiting = { call, options: callOptions, resolve, reject };
        const queue = queues.get(key);
        if (queue) queue.push(waiting);
        else queues.set(key, [waiting]);
        plan();
      }),
    settle: async (key) => {
      while (queues.has(key) || busy.has(key)) {
        flush();
        await (busy.get(key) ?? Promise.race(busy.values()));
      }
    },
  };
}

interface Taken<Key, Call, Result> {
  readonly key: Key;
  readonly group: readonly Waiting<Call, Result>[];
}

async function commitAll<Key, Call, Result>(
  taken: readonly Taken<Key, Call, Result>[],
  commit: SharedCommitOptions<Key, Call, Result>['commit'],
): Promise<void> {
  let outcomes: readonly KeyOutcome<Result>[];
  try {
    outcomes = await commit(taken.map(({ key, group }) => ({ key, calls: group.map(({ call }) => call) })));
  } catch (error) {
    const failure = toStoreError(error);
    outcomes = taken.map(() => failure);
  }
  taken.forEach(({ group }, i) => {
    const outcome = outcomes[i] as KeyOutcome<Result>;
    group.forEach((waiting, n) => {
      const verdict = Array.isArray(outcome) ? (outcome[n] as GroupVerdict<Result>) : { error: outcome as StoreError };
      if ('error' in verdict) waiting.reject(verdict.error);
      else waiting.resolve(verdict.result);
    });
  });
}
