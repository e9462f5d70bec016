import { StoreError } from '@spacestore/core';
import type { FastifyRequest } from 'fastify';

const header = /^Bearer ([\x21-\x7e]+)$/i;

/** The token of the Authorization header: never of the URL, which ends up in logs, nor of a cookie, which other sites make a browser send. */
export function bearerToken(request: FastifyRequest): string {
  const token = header.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) throw new StoreError('unauthenticated', 'a valid token is needed');
  return token;
}
