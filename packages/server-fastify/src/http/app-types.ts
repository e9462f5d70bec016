import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Identity } from '../auth/identity.ts';
import type { Action } from '../permissions.ts';
import type { Grant } from '../service/grant.ts';

/** What a route asks of its caller: a valid token, a right in the workspace its path names, or a link that this server signed. */
export type RouteAction = Action | 'authenticated' | 'signed';

export interface RouteDescription {
  readonly method: string;
  readonly url: string;
  /** Absent outside /v1: open to everybody. */
  readonly action?: RouteAction;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A route under /v1 without it answers nobody. */
    action?: RouteAction;
  }
  interface FastifyInstance {
    /** Every route with what it asks of its caller. */
    routeActions: readonly RouteDescription[];
  }
  interface FastifyRequest {
    identity: Identity | undefined;
    grant: Grant | undefined;
  }
}

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** The grant that the route's hook obtained. */
export function grantOf(request: FastifyRequest): Grant {
  if (request.grant === undefined) throw new Error('a route of a workspace ran without a grant');
  return request.grant;
}

/** The identity that the route's hook verified. */
export function identityOf(request: FastifyRequest): Identity {
  if (request.identity === undefined) throw new Error('a route ran without an identity');
  return request.identity;
}
