import type { BlobContent } from '../contracts/blob-store.ts';
import { isStoreError } from '../errors.ts';
import { aroundEach, type ContractName, type Contracts, type Layer } from './contracts.ts';
import { observedBody } from './observed-body.ts';

/** Where measurements go; the server gives one that keeps them for Prometheus. It must not throw. */
export interface Meter {
  readonly count: (name: 'store_calls_total', labels: CallLabels) => void;
  /** Seconds. */
  readonly observe: (name: 'store_call_seconds', labels: CallLabels, value: number) => void;
}

export interface CallLabels {
  readonly contract: ContractName;
  /** A method's name; `get body` for reading the content a `get` handed out. */
  readonly method: string;
  /** `ok`, or the code of the error; `error` for one that is none of a store's (a source's, say). */
  readonly outcome: string;
}

export interface MetricsOptions {
  /** Milliseconds of a clock that never goes back; `performance.now` if absent. */
  readonly now?: () => number;
}

/** Counts every call and measures how long it took, by contract, method and outcome. */
export function metrics<Contract extends ContractName>(
  contract: Contract,
  meter: Meter,
  options: MetricsOptions = {},
): Layer<Contracts[Contract]> {
  const now = options.now ?? (() => performance.now());
  const begin = (method: string): ((error?: unknown) => void) => {
    const startedAt = now();
    return (error) => {
      const labels = { contract, method, outcome: outcomeOf(error) };
      meter.count('store_calls_total', labels);
      meter.observe('store_call_seconds', labels, (now() - startedAt) / 1000);
    };
  };
  return (store) =>
    aroundEach(contract, store, async (invocation, next) => {
      const { method } = invocation;
      const end = begin(method);
      let result: unknown;
      try {
        result = await next(invocation);
      } catch (error) {
        end(error);
        throw error;
      }
      end();
      return contract === 'BlobStore' && method === 'get'
        ? observedBody(result as BlobContent | undefined, () => begin('get body'))
        : result;
    });
}

/** The word a call is counted under. */
export function outcomeOf(error: unknown): string {
  if (error === undefined) return 'ok';
  return isStoreError(error) ? error.code : 'error';
}
