import { parseWorkspaceId, StoreError } from '@spacestore/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticator } from '../auth/identity.ts';
import type { Limits } from '../limits.ts';
import type { Services } from '../services.ts';
import { callOf } from './abort-signal.ts';
import type { App } from './app-types.ts';
import { bearerToken } from './bearer.ts';

/** Before anything of a request's body is read, its token is verified and its route's action is allowed. A route that names no action answers nobody. */
export function authenticateRoutes(app: App, authenticator: Authenticator, { gate }: Services, limits: Limits): void {
  const countUser = app.createRateLimit({
    max: limits.requestsPerMinutePerUser,
    timeWindow: 60_000,
    keyGenerator: (request) => `user ${request.identity?.user}`,
  });
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const { action } = request.routeOptions.config;
    if (action === undefined || action === 'signed') throw new StoreError('denied', 'this route is closed');
    const identity = await authenticator.verify(bearerToken(request));
    request.identity = identity;
    const count = await countUser(request);
    if (!count.isAllowed && count.isExceeded)
      throw new StoreError('busy', 'too many requests: slow down', { context: { retryAfterSeconds: count.ttlInSeconds } });
    if (action === 'authenticated') return;
    const { workspace } = request.params as { workspace?: unknown };
    request.grant = await gate.authorize(identity, parseWorkspaceId(workspace), action, callOf(reply));
  });
}
