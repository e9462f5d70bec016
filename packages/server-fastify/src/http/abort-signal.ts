import { type CallOptions, StoreError } from '@spacestore/core';
import type { FastifyReply } from 'fastify';

/** Call options whose signal fires when the client goes before it has its answer. */
export function callOf(reply: FastifyReply): CallOptions {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new StoreError('aborted', 'the client went away'));
  });
  return { signal: gone.signal };
}
