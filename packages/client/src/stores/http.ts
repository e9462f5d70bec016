import { type CallOptions, StoreError, type StoreErrorCode, statusOfCode, throwIfAborted } from '@spacestore/core';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/v1`, each segment encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly json?: unknown;
  readonly body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls a server. A change is not cut short by an abort once it left: the true outcome is told. */
export interface HttpClient {
  /** The answer of a request that succeeded. Throws: the server's own StoreError, code and context; unavailable for no answer, or one that is
   *  not this server's: never taken for "not there". */
  readonly call: (request: HttpRequest, call?: CallOptions) => Promise<Response>;
  /** The JSON of its answer. */
  readonly json: (request: HttpRequest, call?: CallOptions) => Promise<unknown>;
}

export function httpClient(base: string, token: () => string | Promise<string>): HttpClient {
  /** Runs work under a signal of its own: the platform's fetch leaves its listener on the one it is given. Only reads are cut short. */
  const under = async <Result>(
    reads: boolean,
    options: CallOptions | undefined,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> => {
    throwIfAborted(options);
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    if (reads) options?.signal?.addEventListener('abort', abort, { once: true });
    try {
      return await work(controller.signal);
    } finally {
      options?.signal?.removeEventListener('abort', abort);
    }
  };
  const send = async (request: HttpRequest, signal: AbortSignal): Promise<Response> => {
    const { method, path, query = {}, json, body, headers } = request;
    const url = new URL(`${base}/v1${path}`);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
    const type = json === undefined ? {} : { 'content-type': 'application/json' };
    const response = await answer(url, {
      method,
      headers: { authorization: `Bearer ${await token()}`, ...type, ...headers },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(body === undefined ? {} : { body, ...(body instanceof ReadableStream && { duplex: 'half' as const }) }),
      signal,
      redirect: 'error',
    });
    if (response.ok) return response;
    throw await errorOf(response, method);
  };
  const isRead = ({ method, path }: HttpRequest): boolean => method === 'GET' || method === 'HEAD' || path.endsWith('/query');
  return {
    call: (request, options) => under(isRead(request), options, (signal) => send(request, signal)),
    json: (request, options) =>
      under(isRead(request), options, async (signal) => {
        const response = await send(request, signal);
        try {
          return (await response.json()) as unknown;
        } catch (cause) {
          throw noAnswer('the answer could not be read', signal, cause);
        }
      }),
  };
}

async function answer(url: URL, init: RequestInit & { readonly signal: AbortSignal }): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    throw noAnswer('the server could not be reached', init.signal, cause);
  }
}

function noAnswer(message: string, signal: AbortSignal, cause: unknown): StoreError {
  if (signal.aborted) return new StoreError('aborted', 'aborted while waiting for the server', { cause });
  return new StoreError('unavailable', message, { cause });
}

async function errorOf(response: Response, method: string): Promise<StoreError> {
  const { status } = response;
  // An answer to HEAD has no body: the status alone tells, and several codes share one.
  if (method === 'HEAD') return new StoreError(codeOfBareStatus(status), 'the server refused', { context: { status } });
  const text = await response.text().catch(() => '');
  const given = parseError(text);
  if (given === undefined || statusOfCode[given.code] !== status)
    return new StoreError('unavailable', 'whoever answered is not a Spacestore server', { context: { status } });
  return new StoreError(given.code, given.message, { context: given.context });
}

function codeOfBareStatus(status: number): StoreErrorCode {
  const code = (Object.keys(statusOfCode) as StoreErrorCode[]).find((each) => statusOfCode[each] === status);
  return code ?? 'unavailable';
}

function parseError(text: string): { code: StoreErrorCode; message: string; context: Record<string, unknown> } | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: unknown; message?: unknown; context?: unknown } };
    if (typeof error?.code !== 'string' || !Object.hasOwn(statusOfCode, error.code)) return undefined;
    const context = typeof error.context === 'object' && error.context !== null ? error.context : {};
    return {
      code: error.code as StoreErrorCode,
      message: typeof error.message === 'string' ? error.message : '',
      context: context as Record<string, unknown>,
    };
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof TypeError) return undefined; // a proxy's page
    throw cause;
  }
}

/** One segment of a path. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}
