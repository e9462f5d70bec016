import type { StoreError } from '@spacestore/core';
import { toStoreError } from '@spacestore/core';
import type { PlacedRecord } from '@spacestore/core/sync';

/** What an app does with records; they count as read once it resolves. */
export type RecordHandler = (records: readonly PlacedRecord[]) => void | Promise<void>;

export interface DeliveryLine {
  readonly add: (delivery: number, records: readonly PlacedRecord[]) => void;
  /** Adds a handler; the returned function takes it away again. */
  readonly onRecords: (handler: RecordHandler) => () => void;
  /** What the app's handler failed with last, until it succeeds. */
  readonly failure: () => StoreError | undefined;
  readonly close: () => Promise<void>;
}

const retryMs = { first: 500, most: 30_000 };

/** Hands records to the app one delivery at a time, in order. Without a handler they wait; one that fails gets the same records again. */
export function deliveryLine(onHandled: (delivery: number) => void, onChange: () => void): DeliveryLine {
  const line: { readonly delivery: number; readonly records: readonly PlacedRecord[] }[] = [];
  const handlers = new Set<RecordHandler>();
  let running: Promise<void> | undefined;
  let failure: StoreError | undefined;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  const next = (): (typeof line)[number] | undefined => {
    const first = closed || timer !== undefined ? undefined : line[0];
    return handlers.size > 0 || first?.records.length === 0 ? first : undefined;
  };
  const runAll = async (): Promise<void> => {
    for (let first = next(); first !== undefined; first = next()) {
      const { delivery, records } = first;
      try {
        if (records.length > 0) for (const handler of handlers) await handler(records);
      } catch (cause) {
        failure = toStoreError(cause);
        failures++;
        timer = setTimeout(startAgain, Math.min(retryMs.most, retryMs.first * 2 ** (failures - 1)));
        onChange();
        return;
      }
      failures = 0;
      if (failure !== undefined) {
        failure = undefined;
        onChange();
      }
      line.shift();
      if (!closed) onHandled(delivery);
    }
  };
  const start = (): void => {
    running ??= runAll().finally(() => {
      running = undefined;
      if (next() !== undefined) start(); // came in between
    });
  };
  const startAgain = (): void => {
    timer = undefined;
    start();
  };

  return {
    add: (delivery, records) => {
      line.push({ delivery, records });
      start();
    },
    onRecords: (handler) => {
      handlers.add(handler);
      start();
      return () => {
        handlers.delete(handler);
      };
    },
    failure: () => failure,
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await running;
    },
  };
}
