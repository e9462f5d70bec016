import { isStoreError, StoreError, type StoreErrorCode, statusOfCode, toStoreError } from '@spacestore/core';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';

export interface ErrorBody {
  readonly error: { readonly code: StoreErrorCode; readonly message: string; readonly context: Readonly<Record<string, unknown>> };
}

/** What a caller is told. Of the unexpected nothing but that it happened: the rest is for the operator. */
export function errorBody(error: StoreError): ErrorBody {
  const hidden = error.code === 'internal';
  return { error: { code: error.code, message: hidden ? 'unexpected failure' : error.message, context: hidden ? {} : error.context } };
}

/** Any thrown thing as a StoreError. Messages of the HTTP layer are replaced: a parser quotes the body it could not read. */
export function storeErrorOf(error: unknown): StoreError {
  if (isStoreError(error)) return error;
  const { statusCode, validation, validationContext } = error as Partial<FastifyError>;
  if (validation) return invalidInput(validationContext, validation, error);
  switch (statusCode) {
    case 400:
      return new StoreError('invalid', 'the request could not be read', { cause: error });
    case 404:
      return new StoreError('not_found', 'no such route', { cause: error });
    case 413:
      return new StoreError('too_large', 'the request is too large', { cause: error });
    case 414:
    case 415:
      return new StoreError('invalid', 'this content type is not understood here', { cause: error });
    case 429:
      return new StoreError('busy', 'too many requests: slow down', { cause: error });
    case 408:
    case 503:
      return new StoreError('unavailable', 'the server is overloaded: try again', { cause: error });
    default:
      return toStoreError(error);
  }
}

/** Names the place and the rule, never the value. */
function invalidInput(part: string | undefined, validation: NonNullable<FastifyError['validation']>, cause: unknown): StoreError {
  const problems = [...validation].slice(0, 10).map(({ instancePath, keyword }) => ({ path: instancePath, rule: keyword }));
  return new StoreError('invalid', `the ${part ?? 'request'} is not of the form this route takes`, { context: { problems }, cause });
}

/** Codes of 500 and above that tell the caller something about the call, not the operator something about the server. */
const answers: ReadonlySet<StoreErrorCode> = new Set(['closed', 'quota', 'unsupported']);

export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = storeErrorOf(error);
  const status = statusOfCode[known.code];
  if (status >= 500 && !answers.has(known.code)) request.log.error({ err: known }, 'request failed');
  if (reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  if (known.retryable) void reply.header('retry-after', '1');
  // Headers of the answer that was being prepared do not describe the error.
  for (const name of ['content-length', 'content-range', 'content-disposition', 'etag', 'accept-ranges', 'last-modified'])
    void reply.removeHeader(name);
  void reply.code(status).type('application/json; charset=utf-8').send(errorBody(known));
}
