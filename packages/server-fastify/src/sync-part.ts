import type { IncomingMessage, Server } from 'node:http';
import type { Clock } from '@spacestore/core';
import type { FastifyBaseLogger } from 'fastify';
import type { Authenticator } from './auth/identity.ts';
import type { ServiceEvents } from './events.ts';
import type { OriginPolicy } from './http/origins.ts';
import type { Limits } from './limits.ts';
import type { Metrics } from './metrics.ts';
import type { Services } from './services.ts';

/** All that the WebSocket side gets: the same services, rights, limits and list of origins as HTTP. */
export interface SyncDeps {
  readonly services: Services;
  readonly authenticator: Authenticator;
  readonly events: ServiceEvents;
  /** Other servers tell what they commit: what a poll sees may be on its way already. */
  readonly hinted: boolean;
  readonly limits: Limits;
  readonly origins: OriginPolicy;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: FastifyBaseLogger;
  /** The client's address behind the proxies that are trusted. */
  readonly addressOf: (request: IncomingMessage) => string;
}

/** The WebSocket side of a running server. */
export interface SyncPart {
  /** Tells every client to come back later, waits for appends under way and their acknowledgements, ends the sockets. */
  readonly drain: () => Promise<void>;
}

/** Takes over a server's `upgrade` requests for the path `/v1/sync`. */
export type AttachSync = (server: Server, deps: SyncDeps) => SyncPart;

/** Where sockets are opened. */
export const syncPath = '/v1/sync';
