import { type CallOptions, throwIfAborted } from './call.ts';
import { StoreError } from './errors.ts';

/** Whether a store still takes work, and what of it is under way. */
export interface Lifetime {
  /** Runs work while the store is open. Throws: closed, aborted before it started; what the work throws. */
  readonly run: <Result>(call: CallOptions | undefined, work: () => Promise<Result> | Result) => Promise<Result>;
  /** Refuses further work, waits for what was accepted, then runs `release` once. Calling it again waits for the same end. */
  readonly close: (release?: () => Promise<void> | void) => Promise<void>;
}

export function createLifetime(): Lifetime {
  let underWay = 0;
  let closing: Promise<void> | undefined;
  let onIdle: (() => void) | undefined;
  const settle = async (release: (() => Promise<void> | void) | undefined): Promise<void> => {
    if (underWay > 0)
      await new Promise<void>((resolve) => {
        onIdle = resolve;
      });
    await release?.();
  };
  return {
    run: async (call, work) => {
      if (closing) throw new StoreError('closed', 'the store is closed');
      throwIfAborted(call);
      underWay++;
      try {
        return await work();
      } finally {
        if (--underWay === 0) onIdle?.();
      }
    },
    close: (release) => {
      closing ??= settle(release);
      return closing;
    },
  };
}
