import { type BlobKey, idOfKey, kindOfKey } from '../blob-key.ts';
import { drainSource } from '../byte-source.ts';
import { type CallOptions, throwIfAborted } from '../call.ts';
import type { BlobStore, ByteSource } from '../contracts/blob-store.ts';
import { hasCode } from '../errors.ts';
import { orAborted } from '../or-aborted.ts';
import { type Around, aroundEach, type ContractName, type Contracts, type Invocation, type Layer } from './contracts.ts';
import { type Schedule, systemSchedule } from './timers.ts';

export interface RetryOptions {
  /** Calls in all, the first included; 5 if absent. */
  readonly attempts?: number;
  /** Upper bound of the first wait in milliseconds, doubled each time; 50 if absent. */
  readonly firstDelayMs?: number;
  /** No wait is longer; 5000 if absent. */
  readonly maxDelayMs?: number;
  /** From 0 up to, not including, 1. */
  readonly random?: () => number;
  readonly schedule?: Schedule;
}

/** Contracts whose calls may all be repeated. A directory's may not: usage would be added twice. */
export type RepeatableContract = Exclude<ContractName, 'Directory'>;

/** Repeats calls that failed as `busy` or `unavailable`, and no others, after a random wait up to a bound that doubles.
 *  A put reads its source again from the start; a body that was handed out is not read again.
 *  A conditional put of a blob whose reply was lost finds its own content: that is success.
 *  Source of the waits: "full jitter", M. Brooker, Exponential Backoff And Jitter, 2015. */
export function retry<Contract extends RepeatableContract>(contract: Contract, options: RetryOptions = {}): Layer<Contracts[Contract]> {
  return (store) => {
    const repeat = repeating(options);
    const around: Around =
      contract === 'BlobStore' ? (invocation, next) => repeat(invocation, ownContent(store as BlobStore, invocation, next)) : repeat;
    return aroundEach(contract, store, around);
  };
}

type Next = (invocation: Invocation, attempt: number) => Promise<unknown>;

function repeating(options: RetryOptions): (invocation: Invocation, next: Next) => Promise<unknown> {
  const { attempts = 5, firstDelayMs = 50, maxDelayMs = 5000, random = Math.random, schedule = systemSchedule } = options;
  return async (invocation, next) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await next(invocation, attempt);
      } catch (error) {
        if (attempt >= attempts || !hasCode(error, 'busy', 'unavailable')) throw error;
        await sleep(random() * Math.min(maxDelayMs, firstDelayMs * 2 ** (attempt - 1)), invocation.call, schedule);
      }
    }
  };
}

async function sleep(delayMs: number, call: CallOptions | undefined, schedule: Schedule): Promise<void> {
  throwIfAborted(call);
  let cancel: (() => void) | undefined;
  try {
    await orAborted(new Promise<void>((resolve) => (cancel = schedule(resolve, delayMs))), call);
  } finally {
    cancel?.();
  }
}

/** A put that meets a conflict after an attempt whose outcome is unknown looks whether the blob is what it wanted to put. */
function ownContent(store: BlobStore, { method }: Invocation, next: (invocation: Invocation) => Promise<unknown>): Next {
  if (method !== 'put') return next;
  return async (invocation, attempt) => {
    try {
      return await next(invocation);
    } catch (error) {
      if (attempt === 1 || !hasCode(error, 'conflict')) throw error;
      const [root, key, source] = invocation.args as Parameters<BlobStore['put']>;
      const present = await store.head(root, key, invocation.call);
      if (present === undefined || present.sha256 !== (await sha256Of(key, source, invocation.call))) throw error;
      return present;
    }
  };
}

async function sha256Of(key: BlobKey, source: ByteSource, call: CallOptions | undefined): Promise<string> {
  if (kindOfKey(key) === 'static') return idOfKey(key);
  return (await drainSource(source, { maxBytes: Number.MAX_SAFE_INTEGER, call }, () => undefined)).sha256;
}
