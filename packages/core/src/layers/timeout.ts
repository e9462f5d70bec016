import type { BlobContent, ByteSource } from '../contracts/blob-store.ts';
import { StoreError } from '../errors.ts';
import { aroundEach, type ContractName, type Contracts, type Layer, type MethodName } from './contracts.ts';
import { type Schedule, systemSchedule } from './timers.ts';

export interface TimeoutOptions<Contract extends ContractName> {
  /** Milliseconds a call may take, waiting for the caller's own source not counted; for a body, milliseconds for each piece. */
  readonly timeoutMs: number;
  /** Other times for single methods; `Infinity` for none. */
  readonly methods?: { readonly [Name in MethodName<Contract>]?: number };
  readonly schedule?: Schedule;
}

/** Every call ends after a time, as `unavailable`: what it was to do may have been done, and doing it again is harmless.
 *  The store is told by its signal, so that work not yet started is dropped. */
export function timeout<Contract extends ContractName>(contract: Contract, options: TimeoutOptions<Contract>): Layer<Contracts[Contract]> {
  const { timeoutMs, methods, schedule = systemSchedule } = options;
  const limits = (methods ?? {}) as Readonly<Record<string, number | undefined>>;
  return (store) =>
    aroundEach(contract, store, async (invocation, next) => {
      const { method, args, call } = invocation;
      const limitMs = limits[method] ?? timeoutMs;
      if (limitMs === Infinity) return next(invocation);
      const name = `${contract}.${method}`;
      const abort = new AbortController();
      const onAbort = (): void => abort.abort(call?.signal?.reason);
      if (call?.signal?.aborted) onAbort();
      call?.signal?.addEventListener('abort', onAbort, { once: true });
      const watch = createWatch(schedule, limitMs, () => {
        const error = timedOut(name, limitMs);
        abort.abort(error);
        return error;
      });
      try {
        const watched = args.map((arg) => (isSource(arg) ? uncounted(arg, watch) : arg));
        const result = await Promise.race([next({ ...invocation, args: watched, call: { signal: abort.signal } }), watch.expired]);
        return contract === 'BlobStore' && method === 'get' ? withTimedBody(result as BlobContent | undefined, schedule, limitMs) : result;
      } finally {
        watch.end();
        call?.signal?.removeEventListener('abort', onAbort);
      }
    });
}

interface Watch {
  /** Fails when the time is up; never resolves. */
  readonly expired: Promise<never>;
  readonly start: () => void;
  readonly stop: () => void;
  /** Stops it for good: a store that goes on with a call nobody waits for starts no more timers. */
  readonly end: () => void;
}

/** A watch that runs. Each start gives the whole time again. */
function createWatch(schedule: Schedule, limitMs: number, expire: () => StoreError): Watch {
  let cancel: (() => void) | undefined;
  let ended = false;
  let fail: (error: StoreError) => void = () => undefined;
  const expired = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const stop = (): void => {
    cancel?.();
    cancel = undefined;
  };
  const start = (): void => {
    stop();
    if (!ended) cancel = schedule(() => fail(expire()), limitMs);
  };
  start();
  return {
    expired,
    start,
    stop,
    end: () => {
      stop();
      ended = true;
    },
  };
}

function isSource(value: unknown): value is ByteSource {
  return typeof value === 'object' && value !== null && typeof (value as { open?: unknown }).open === 'function';
}

/** The same source; while it is asked for its next piece, the store's time stands still. Not a generator: that one could not be left
 *  while it waits. */
function uncounted(source: ByteSource, watch: Watch): ByteSource {
  return {
    ...source,
    open: () => ({
      [Symbol.asyncIterator]: () => {
        const chunks = source.open()[Symbol.asyncIterator]();
        return {
          next: async () => {
            watch.stop();
            try {
              return await chunks.next();
            } finally {
              watch.start();
            }
          },
          return: async () => {
            await chunks.return?.();
            return { done: true, value: undefined };
          },
        };
      },
    }),
  };
}

function withTimedBody(content: BlobContent | undefined, schedule: Schedule, limitMs: number): BlobContent | undefined {
  if (!content) return undefined;
  const body: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => {
      const chunks = content.body[Symbol.asyncIterator]();
      return {
        next: async () => {
          const watch = createWatch(schedule, limitMs, () => {
            chunks.return?.().then(undefined, () => undefined); // after an error no reader leaves the body: it is told here
            return timedOut('the body of a blob', limitMs);
          });
          try {
            return await Promise.race([chunks.next(), watch.expired]);
          } finally {
            watch.end();
          }
        },
        return: async () => {
          await chunks.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
  return { ...content, body };
}

function timedOut(what: string, limitMs: number): StoreError {
  return new StoreError('unavailable', `${what} took longer than ${limitMs} ms; it may have happened`, { context: { timeoutMs: limitMs } });
}
