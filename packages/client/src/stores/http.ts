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
  const call = async (request: HttpRequest, options?: CallOptions): Promise<Response> => {
    throwIfAborted(options);
    const { method, path, query = {}, json, body, headers } = request;
    const url = new URL(`${base}/v1${path}`);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
    const reads = method === 'GET' || method === 'HEAD';
    const init = {
      method,
      headers: {
        authorization: `Bearer ${await token()}`,
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(body === undefined ? {} : { body, ...(body instanceof ReadableStream && { duplex: 'half' as const }) }),
      ...(reads && options?.signal && { signal: options.signal }),
      redirect: 'error' as const,
    };
    const response = await answer(url, init, options);
    if (response.ok) return response;
    throw await errorOf(response, method);
  };
  return {
    call,
    json: async (request, options) => {
      const response = await call(request, options);
      try {
        return await response.json();
      } catch (cause) {
        throw new StoreError('unavailable', 'the answer could not be read', { cause });
      }
    },
  };
}

async function answer(url: URL, init: RequestInit, options: CallOptions | undefined): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    if (options?.signal?.aborted) throw new StoreError('aborted', 'aborted while waiting for the server', { cause });
    throw new StoreError('unavailable', 'the server could not be reached', { cause });
  }
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
    return { code: error.code as StoreErrorCode, message: String(error.message ?? ''), context: context as Record<string, unknown> };
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof TypeError) return undefined; // a proxy's page
    throw cause;
  }
}

/** One segment of a path. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}
