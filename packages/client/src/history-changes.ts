import { type StoreError, toStoreError } from '@spacestore/core';

/** Tells the app of changes of the server's history, one after the other. One it failed to deal with is told again: what the new history lacks
 *  may be on this device alone. */
export interface HistoryChanges<Change> {
  readonly tell: (change: Change) => void;
  /** True while the app has not dealt with all of them. */
  readonly owed: () => boolean;
  /** What the app failed with last, until it succeeds. */
  readonly failure: () => StoreError | undefined;
  readonly close: () => Promise<void>;
}

const retryMs = { first: 500, most: 30_000 };

export function historyChanges<Change>(handle: (change: Change) => void | Promise<void>, onChange: () => void): HistoryChanges<Change> {
  const line: Change[] = [];
  let running: Promise<void> | undefined;
  let failure: StoreError | undefined;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  const tellAll = async (): Promise<void> => {
    for (let first = line[0]; first !== undefined && !closed; first = line[0]) {
      try {
        await handle(first);
      } catch (cause) {
        failure = toStoreError(cause);
        if (!closed) timer = setTimeout(start, Math.min(retryMs.most, retryMs.first * 2 ** failures++));
        onChange();
        return;
      }
      line.shift();
      failure = undefined;
      failures = 0;
      onChange();
    }
  };
  const start = (): void => {
    timer = undefined;
    running ??= tellAll().finally(() => {
      running = undefined;
      if (line.length > 0 && timer === undefined && !closed) start(); // came in between
    });
  };

  return {
    tell: (change) => {
      line.push(change);
      if (timer === undefined && !closed) start();
    },
    owed: () => line.length > 0,
    failure: () => failure,
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await running;
    },
  };
}
