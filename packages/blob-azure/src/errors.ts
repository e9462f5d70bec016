import { RestError } from '@azure/storage-blob';
import { type CallOptions, isStoreError, StoreError, type StoreErrorCode, throwIfAborted } from '@spacestore/core';

/** What a status means to a caller. A refused credential is `unavailable`, not `denied`: it is the server's own, nothing the caller may do would help. */
const codes: Readonly<Record<number, StoreErrorCode>> = { 413: 'too_large', 429: 'busy', 503: 'busy' };
/** What some answers mean whatever their status. `ContainerNotFound` is not among them: a container that is missing is no empty one. */
const namedCodes: Readonly<Record<string, StoreErrorCode>> = { LeaseIdMissing: 'busy', OperationTimedOut: 'unavailable' };

/** Of @azure/identity. */
const credentialErrors = /^(CredentialUnavailable|(Aggregate)?Authentication(Required)?)Error$/;

/** Runs work on the service; its errors come out as the store's, and a caller's abort ends it. Never put around the caller's own source. */
export async function onAzure<Result>(call: CallOptions | undefined, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  throwIfAborted(call);
  // A signal of its own: the service's client keeps listening as long as a body is read, a caller's signal may live for ever.
  const own = new AbortController();
  const onAbort = (): void => own.abort(call?.signal?.reason);
  call?.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await work(own.signal);
  } catch (error) {
    if (own.signal.aborted && !isStoreError(error)) throw new StoreError('aborted', 'aborted by the caller', { cause: own.signal.reason });
    throw asStoreError(error);
  } finally {
    call?.signal?.removeEventListener('abort', onAbort);
  }
}

/** The error as the store's own. Its cause is made anew: the client's errors carry the request, and that its signature. */
export function asStoreError(error: unknown): unknown {
  if (isStoreError(error)) return error;
  if (error instanceof RestError) {
    const { statusCode: status } = error;
    const code = azureCodeOf(error);
    const answered = code === undefined ? `${status ?? 'nothing'}` : code;
    return new StoreError(codeOf(error), `the blob service answered ${answered}`, {
      context: { ...(status !== undefined && { status }), ...(code !== undefined && { azureCode: code }) },
      cause: new Error(`${error.name} ${answered}`),
    });
  }
  if (error instanceof Error && credentialErrors.test(error.name))
    return new StoreError('unavailable', 'no credential for the blob service', { cause: new Error(`${error.name}: ${error.message}`) });
  // Cut connections and timeouts come as an AbortError of nobody's signal; a body of another length as a plain Error with this text.
  if (
    error instanceof Error &&
    (error.name === 'AbortError' || isNetworkError(error) || error.message.startsWith('Data corruption failure'))
  )
    return new StoreError('unavailable', 'the connection to the blob service broke or took too long', {
      cause: new Error(`${error.name} ${errnoOf(error) ?? ''}`.trim()),
    });
  return error;
}

/** The service's own word. An answer to HEAD has no body, and so only the header has it. */
function azureCodeOf({ code, response }: RestError): string | undefined {
  return code ?? response?.headers.get('x-ms-error-code');
}

function codeOf(error: RestError): StoreErrorCode {
  const { statusCode } = error;
  return namedCodes[azureCodeOf(error) ?? ''] ?? codes[statusCode ?? 0] ?? (statusCode === 400 ? 'internal' : 'unavailable');
}

function errnoOf(error: Error): string | undefined {
  const code = (error as NodeJS.ErrnoException).code;
  return typeof code === 'string' ? code : undefined;
}

function isNetworkError(error: Error): boolean {
  return /^(E[A-Z]+|ERR_STREAM_PREMATURE_CLOSE|HPE_[A-Z_]+)$/.test(errnoOf(error) ?? '');
}

/** Whether the service says that there is no such blob: any other 404 (no such container, some proxy's own) is an error. */
export function saysNoBlob(error: unknown): boolean {
  return error instanceof RestError && error.statusCode === 404 && azureCodeOf(error) === 'BlobNotFound';
}

/** Whether a condition did not hold. A create-only one answers 409. */
export function saysConflict(error: unknown): boolean {
  return error instanceof RestError && ['ConditionNotMet', 'BlobAlreadyExists'].includes(azureCodeOf(error) ?? '');
}

/** Whether staged blocks are gone: another commit of the same blob throws away all it did not name. */
export function saysBlocksGone(error: unknown): boolean {
  return error instanceof RestError && azureCodeOf(error) === 'InvalidBlockList';
}

/** An answer that is none of this service's: some proxy's page, say. */
export function strangeAnswer(what: string, cause?: unknown): StoreError {
  return new StoreError('unavailable', `the blob service’s answer lacks ${what}: is it one?`, { cause });
}

/** What the client makes of an answer. It stumbles over one without the expected parts: put around the client's own work alone. */
export async function understood<Answer>(what: string, request: Promise<Answer>): Promise<Answer> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw strangeAnswer(what, error);
    throw error;
  }
}
