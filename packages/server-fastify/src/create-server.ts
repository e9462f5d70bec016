import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ChangeHints, type Clock, parseWorkspaceId, StoreError, systemClock } from '@spacestore/core';
import { type KeyRing, keyRing } from '@spacestore/core/layers';
import type { Logger } from 'pino';
import type { Authenticator } from './auth/identity.ts';
import { checkBinding } from './binding.ts';
import { bridgeHints } from './bridge-hints.ts';
import { serviceEvents } from './events.ts';
import { createApp, type TlsFiles } from './http/app.ts';
import type { App } from './http/app-types.ts';
import { addressBehind } from './http/client-address.ts';
import { endAfterAnswers } from './http/keep-alive.ts';
import { serverLogger } from './http/logging.ts';
import { originPolicy } from './http/origins.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { countAppends, createMetrics, type Metrics } from './metrics.ts';
import type { Stores } from './service/stores.ts';
import { createServices, type Services } from './services.ts';
import type { AttachSync } from './sync-part.ts';

/** How long after the server began to close requests under way may go on; and how long at least, if sockets took most of it.
 *  Together with the stores' close it stays below the ten seconds that supervisors give. */
const drainMs = 7000;
const leastDrainMs = 500;
const longestLinkMs = 3_600_000;

/** Built stores, an authenticator, and what has a default. */
export interface ServerOptions extends Stores {
  readonly auth: Authenticator;
  /** What the servers on these stores tell each other; absent where this one has them for itself. */
  readonly hints?: ChangeHints;
  /** The WebSocket side; without it the server speaks HTTP alone. */
  readonly sync?: AttachSync;
  /** Sign links for direct uploads and downloads, and backups; servers of the same stores share them. Random if absent: then links end with this server,
   *  and no other one knows its backups. */
  readonly keys?: KeyRing;
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Origins whose pages may call this server, for CORS and sockets alike; `*` for all. */
  readonly origins?: readonly string[];
  readonly tls?: TlsFiles;
  readonly trustedProxies?: readonly string[];
  /** Listen beyond this machine without TLS. */
  readonly insecure?: boolean;
  /** Further conditions of readiness, such as free space. Throws while one is not met. */
  readonly ready?: () => Promise<void>;
  readonly metricsAuth?: Authenticator;
  /** Made by `createMetrics`, if layers around the stores count into it too; closed with the server. */
  readonly metrics?: Metrics;
  /** Runs after the stores are closed. */
  readonly release?: () => Promise<void>;
}

export interface SpacestoreServer {
  /** The Fastify instance: `inject` calls it without a port. */
  readonly app: App;
  readonly services: Services;
  readonly metrics: Metrics;
  /** Ends deletions that were cut off, then takes requests. Resolves with the address. Throws: denied, if that would send tokens in the clear. */
  readonly listen: (options?: { readonly host?: string; readonly port?: number }) => Promise<string>;
  /** The address while it listens. */
  readonly address: () => string | undefined;
  /** Stops accepting, lets what was begun end, then closes the stores. Calling it again is fine. */
  readonly close: () => Promise<void>;
}

/** A server over built stores; whoever builds them decides what they are. It owns them from now on: `close` closes them. */
export async function createServer(options: ServerOptions): Promise<SpacestoreServer> {
  const { ops, blobs, files, secrets, directory } = options;
  const clock = options.clock ?? systemClock;
  const limits: Limits = { ...defaultLimits, ...options.limits };
  if (limits.linkMs > longestLinkMs) throw new StoreError('invalid', `limits.linkMs is at most ${longestLinkMs}: an hour`);
  const keys = options.keys ?? keyRing([randomBytes(32)]);
  const logger = options.logger ?? serverLogger('silent');
  const events = serviceEvents();
  const metrics = options.metrics ?? createMetrics();
  const stopCounting = countAppends(metrics, events);
  const stopHints = options.hints && bridgeHints(options.hints, events, metrics.registry);
  const services = createServices({ ops, blobs, files, secrets, directory, clock, limits, events, keys });
  const origins = originPolicy(options.origins ?? []);
  let draining = false;

  const ready = async (): Promise<void> => {
    if (draining) throw new Error('draining');
    const probe = parseWorkspaceId('readiness-probe');
    await Promise.all([directory.get(probe), ops.head(probe), options.ready?.()]);
  };
  const app = await createApp({
    authenticator: options.auth,
    services,
    limits,
    metrics,
    origins,
    logger,
    ready,
    ...(options.metricsAuth && { metricsAuthenticator: options.metricsAuth }),
    ...(options.tls && { tls: options.tls }),
    ...(options.trustedProxies && { trustedProxies: options.trustedProxies }),
  });
  const endConnections = endAfterAnswers(app);
  const sync = options.sync?.(app.server as Server, {
    services,
    authenticator: options.auth,
    events,
    hinted: options.hints !== undefined,
    limits,
    origins,
    clock,
    metrics,
    log: logger,
    addressOf: addressBehind(options.trustedProxies ?? []),
  });
  await app.ready();

  const close = async (): Promise<void> => {
    draining = true;
    endConnections();
    const begun = performance.now();
    // Sockets first: they are told to come back, and their appends get their verdicts while the stores still answer.
    await sync?.drain();
    // A transfer that does not end must not keep the process past the time a supervisor gives it.
    const deadline = setTimeout(() => app.server.closeAllConnections(), Math.max(leastDrainMs, drainMs - (performance.now() - begun)));
    await app.close();
    clearTimeout(deadline);
    stopCounting();
    stopHints?.();
    await options.hints?.close();
    metrics.close();
    const results = await Promise.allSettled([ops.close(), blobs.close(), files.close(), secrets.close()]);
    await directory.close();
    const failed = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown);
    await options.release?.();
    if (failed.length > 0) throw new AggregateError(failed, 'a store did not close');
  };
  let closing: Promise<void> | undefined;

  return {
    app,
    services,
    metrics,
    listen: async ({ host = '127.0.0.1', port = 0 } = {}) => {
      checkBinding(host, options);
      const { ended, failed } = await services.workspaces.resumeDeletes();
      if (ended.length > 0) logger.info({ workspaces: ended }, 'ended deletions that were cut off');
      for (const { workspace, error } of failed) logger.error({ workspace, err: error }, 'a deletion that was cut off could not be ended');
      const address = await app.listen({ host, port });
      const { port: bound } = app.server.address() as AddressInfo;
      const scheme = options.tls ? 'https' : 'http';
      for (const own of ['127.0.0.1', 'localhost', '[::1]']) origins.add(`${scheme}://${own}:${bound}`);
      return address;
    },
    address: () => {
      const bound = app.server.address();
      return bound === null || typeof bound === 'string' ? undefined : `${options.tls ? 'https' : 'http'}://${hostOf(bound)}:${bound.port}`;
    },
    close: () => (closing ??= close()),
  };
}

function hostOf({ address, family }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]` : address;
}
