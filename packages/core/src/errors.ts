/** What went wrong, in one word a program can branch on. */
export type StoreErrorCode =
  | 'invalid'
  | 'unauthenticated'
  | 'denied'
  | 'not_found'
  | 'equivocation'
  | 'conflict'
  | 'stale_cursor'
  | 'too_large'
  | 'aborted'
  | 'busy'
  | 'unavailable'
  | 'quota'
  | 'unsupported'
  | 'corrupt'
  | 'closed'
  | 'internal';

/** HTTP status of each code: the only table, used by the server and by the client that sees a server as a store. */
export const statusOfCode: Readonly<Record<StoreErrorCode, number>> = {
  invalid: 400,
  unauthenticated: 401,
  denied: 403,
  not_found: 404,
  equivocation: 409,
  conflict: 409,
  stale_cursor: 410,
  too_large: 413,
  aborted: 499,
  busy: 429,
  unavailable: 503,
  quota: 507,
  unsupported: 501,
  corrupt: 500,
  closed: 503,
  internal: 500,
};

/** Ids and sizes that help to act on an error; never bodies, tokens or values. JSON-able, because it crosses the wire. */
export type StoreErrorContext = Readonly<Record<string, unknown>>;

export interface StoreErrorOptions {
  readonly context?: StoreErrorContext;
  readonly cause?: unknown;
}

const marker = 'spacestore.StoreError';

/** The one error of every store. `retryable` is true for `busy` and `unavailable` alone. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
  /** Recognises errors of another copy of this package. */
  readonly kind: string = marker;
  readonly code: StoreErrorCode;
  readonly context: StoreErrorContext;

  constructor(code: StoreErrorCode, message: string, options: StoreErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.context = options.context ?? {};
  }

  get retryable(): boolean {
    return this.code === 'busy' || this.code === 'unavailable';
  }
}

/** True for a `StoreError`, also of another copy of this package. */
export function isStoreError(value: unknown): value is StoreError {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { kind?: unknown }).kind === marker &&
    Object.hasOwn(statusOfCode, String((value as { code?: unknown }).code))
  );
}

/** True for a `StoreError` of one of these codes. */
export function hasCode(value: unknown, ...codes: readonly StoreErrorCode[]): value is StoreError {
  return isStoreError(value) && codes.includes(value.code);
}

/** The error itself, or an `internal` one that carries it as its cause. */
export function toStoreError(value: unknown): StoreError {
  return isStoreError(value) ? value : new StoreError('internal', 'unexpected failure', { cause: value });
}
