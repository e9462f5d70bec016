import { isStoreError, StoreError, type StoreErrorCode } from '@spacestore/core';

/** What the server's own words mean to a caller. Refused credentials are `unavailable`: it is the operator's matter, and a caller who
 *  were told `denied` would look for it in his own rights. */
const codes: Readonly<Record<string, StoreErrorCode>> = {
  EntityTooLarge: 'too_large',
  MaxMessageLengthExceeded: 'too_large',
  QuotaExceeded: 'quota',
  SlowDown: 'busy',
  Throttling: 'busy',
  ThrottlingException: 'busy',
  RequestLimitExceeded: 'busy',
  TooManyRequests: 'busy',
  ConditionalRequestConflict: 'busy',
  OperationAborted: 'busy',
  InternalError: 'unavailable', // also inside an answer of 200, which the SDK calls 503: it may have happened
};

/** What the SDK throws, as far as it is looked at. */
interface SdkError {
  readonly name?: string;
  /** Of the system, where no answer came. */
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Runs requests to the server; their errors come out as the store's. Never put around the caller's own source. */
export async function onServer<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw storeErrorOf(error);
  }
}

/** The error of a request as the store's. What is not known to be final is `unavailable`: it may have happened, and may be tried again. */
export function storeErrorOf(error: unknown): StoreError {
  if (isStoreError(error)) return error;
  const { name = 'Error', code: reason = '' } = error as SdkError;
  const status = statusOf(error);
  const code = codes[name] ?? (status === 429 || name === 'ServiceUnavailable' || status === 503 ? 'busy' : 'unavailable');
  const unreached = status === undefined && /^E[A-Z_]+$/.test(reason);
  const context = { error: unreached ? reason : name, ...(status !== undefined && { status }) };
  const message = unreached ? 'the object store could not be reached, or the connection broke' : `the object store answered ${name}`;
  return new StoreError(code, message, { cause: error, context });
}

export function statusOf(error: unknown): number | undefined {
  return (error as SdkError).$metadata?.httpStatusCode;
}

/** The object is not there. A bucket that is not there is no such answer. */
export function isMissing(error: unknown): boolean {
  const { name } = error as SdkError;
  return name === 'NoSuchKey' || name === 'NotFound' || name === 'NoSuchUpload';
}

/** A condition of the request did not hold. */
export function isPrecondition(error: unknown): boolean {
  return statusOf(error) === 412 || (error as SdkError).name === 'PreconditionFailed';
}

/** The range starts beyond the end of the object. */
export function isBeyondEnd(error: unknown): boolean {
  return statusOf(error) === 416;
}
