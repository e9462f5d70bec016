import { isIP } from 'node:net';
import { StoreError } from '@spacestore/core';
import type { FastifyRequest } from 'fastify';
import type { Authenticator } from '../auth/identity.ts';
import type { Metrics } from '../metrics.ts';
import type { Services } from '../services.ts';
import type { App } from './app-types.ts';
import { bearerToken } from './bearer.ts';

export interface HealthParts {
  /** Throws, with the reason, while the server can't do its work. */
  readonly ready: () => Promise<void>;
  readonly metrics: Metrics;
  readonly services: Services;
  /** Opens /metrics to a scraper on another machine; without it only this machine may look. */
  readonly metricsAuthenticator?: Authenticator;
}

/** For probes and scrapers. They tell no ids. */
export function healthRoutes(app: App, { ready, metrics, services, metricsAuthenticator }: HealthParts): void {
  app.get('/livez', { schema: { tags: ['health'], summary: 'The process answers' } }, () => Promise.resolve({ ok: true }));

  app.get('/readyz', { schema: { tags: ['health'], summary: 'The stores answer and there is room to write' } }, async (request, reply) => {
    try {
      await ready();
      return { ok: true };
    } catch (cause) {
      request.log.warn({ err: cause }, 'not ready');
      return reply.code(503).send({ ok: false });
    }
  });

  app.get('/metrics', { schema: { tags: ['health'], summary: 'Prometheus metrics' } }, async (request, reply) => {
    if (metricsAuthenticator) await metricsAuthenticator.verify(bearerToken(request));
    else if (!isLocal(request)) throw new StoreError('denied', 'metrics are for this machine alone, unless a token for them is configured');
    metrics.unwrittenRefusals.set(services.refusals.failures());
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
}

/** A request that a proxy passed on comes from elsewhere, whatever the socket says. */
function isLocal(request: FastifyRequest): boolean {
  if (request.headers['x-forwarded-for'] !== undefined || request.headers.forwarded !== undefined) return false;
  const address = request.socket.remoteAddress ?? '';
  return isIP(address) !== 0 && /^(?:127\.|::1$|::ffff:127\.)/.test(address);
}
