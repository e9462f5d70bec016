import { StoreError } from './errors.ts';

/** What may accompany any call. An abort before the work started removes the work; after that the true outcome is told. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Throws: aborted, if the caller gave up already. */
export function throwIfAborted(call: CallOptions | undefined): void {
  if (call?.signal?.aborted) throw new StoreError('aborted', 'aborted before the work started', { cause: call.signal.reason });
}
