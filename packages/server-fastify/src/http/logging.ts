import { isStoreError } from '@spacestore/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** Logs as JSON lines. Only what the serialisers allow gets in; what slips past them under a telling name is cut out. */
export function serverLogger(level: LogLevel, stream?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    redact: {
      paths: ['token', 'secret', 'value', 'body', 'authorization', 'cookie', 'password', 'url'].flatMap((name) => [
        name,
        `*.${name}`,
        `*.*.${name}`,
      ]),
      remove: true,
    },
    serializers: { err: describeError, error: describeError, req: describeRequest, res: describeReply },
  };
  return stream ? pino(options, stream) : pino(options);
}

export interface ErrorDescription {
  readonly type: string;
  readonly code?: string;
  readonly message?: string;
  readonly at?: readonly string[];
  readonly cause?: ErrorDescription;
}

/** Our own messages are constants and system errors name a path; any other message may quote what it choked on and stays out. */
export function describeError(error: unknown): ErrorDescription {
  if (!(error instanceof Error) && !isStoreError(error)) return { type: typeof error };
  const { name, code, message, stack, cause } = error as NodeJS.ErrnoException;
  const isSystem = typeof (error as NodeJS.ErrnoException).syscall === 'string';
  const frames = (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    type: name,
    ...(typeof code === 'string' && { code }),
    ...((isStoreError(error) || isSystem) && { message }),
    ...(frames.length > 0 && { at: frames.slice(0, 8).map((line) => line.trim()) }),
    ...(cause !== undefined && { cause: describeError(cause) }),
  };
}

/** The route's pattern, not the address: that holds ids, and whatever else a client put there. */
function describeRequest(request: FastifyRequest): object {
  return { method: request.method, route: request.routeOptions?.url ?? 'none' };
}

function describeReply(reply: FastifyReply): object {
  return { status: reply.statusCode };
}

/** One line for each request. */
export function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const { user } = request.identity ?? {};
  const workspace = request.grant?.workspace;
  request.log.info(
    {
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      ...(user && { user }),
      ...(workspace && { workspace }),
    },
    'request',
  );
}
