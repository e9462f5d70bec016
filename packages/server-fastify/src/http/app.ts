import { readFileSync } from 'node:fs';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import underPressure from '@fastify/under-pressure';
import { StoreError } from '@spacestore/core';
import { type FastifyServerOptions, fastify, LogController } from 'fastify';
import type { Logger } from 'pino';
import type { Authenticator } from '../auth/identity.ts';
import type { Limits } from '../limits.ts';
import type { Services } from '../services.ts';
import type { App, RouteAction, RouteDescription } from './app-types.ts';
import { authenticateRoutes } from './auth-hook.ts';
import { collectDocs, docsPage } from './docs.ts';
import { sendError, storeErrorOf } from './error-reply.ts';
import { type HealthParts, healthRoutes } from './health.ts';
import { logRequest } from './logging.ts';
import type { OriginPolicy } from './origins.ts';
import { auditRoutes } from './routes/audit.ts';
import { backupRoutes } from './routes/backups.ts';
import { directFileRoutes, linkRoutes } from './routes/direct.ts';
import { fileRoutes } from './routes/files.ts';
import { logRoutes } from './routes/log.ts';
import { memberRoutes } from './routes/members.ts';
import { operationRoutes } from './routes/operations.ts';
import { secretRoutes } from './routes/secrets.ts';
import { transferRoutes } from './routes/transfer.ts';
import { workspaceRoutes } from './routes/workspaces.ts';

export interface TlsFiles {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
}

export interface AppParts extends HealthParts {
  readonly authenticator: Authenticator;
  readonly services: Services;
  readonly limits: Limits;
  readonly origins: OriginPolicy;
  readonly logger: Logger;
  readonly tls?: TlsFiles;
  /** Addresses or networks of proxies whose X-Forwarded-* headers are believed. */
  readonly trustedProxies?: readonly string[];
}

/** A client that dribbles its headers holds a socket no longer than this. Bodies may take their time: they are read after the token was verified. */
const headersTimeoutMs = 10_000;

/** The HTTP side: every route, with what guards them in front. */
export async function createApp(parts: AppParts): Promise<App> {
  const { authenticator, services, limits, metrics, origins } = parts;
  const app = open(parts);
  app.server.headersTimeout = headersTimeoutMs;
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data)); // schemas of answers are documentation: they must not rewrite data
  app.setErrorHandler((error, request, reply) => {
    metrics.errors.inc({ code: storeErrorOf(error).code });
    sendError(error, request, reply);
  });
  app.setNotFoundHandler((request, reply) => sendError(new StoreError('not_found', 'no such route'), request, reply));
  watchRoutes(app);
  app.decorateRequest('identity', undefined);
  app.decorateRequest('grant', undefined);
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    metrics.requests.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    logRequest(request, reply);
  });
  app.addHook('onRequest', async (request) => {
    const { origin } = request.headers;
    const changes = request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'OPTIONS';
    if (changes && !origins.allows(origin)) throw new StoreError('denied', 'this origin is not allowed');
  });
  await guard(app, limits, origins);
  await collectDocs(app);

  healthRoutes(app, parts);
  await docsPage(app);
  await app.register(
    (v1, _, done) => {
      v1.addHook('onSend', async (_request, reply) => {
        if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
      });
      authenticateRoutes(v1, authenticator, services, limits);
      workspaceRoutes(v1, services);
      memberRoutes(v1, services);
      operationRoutes(v1, services, limits);
      logRoutes(v1, services);
      fileRoutes(v1, services);
      directFileRoutes(v1, services);
      secretRoutes(v1, services);
      transferRoutes(v1, services);
      backupRoutes(v1, services);
      auditRoutes(v1, services);
      done();
    },
    { prefix: '/v1' },
  );
  linkRoutes(app, services);
  return app;
}

function open({ logger, limits, tls, trustedProxies }: AppParts): App {
  const options = {
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }), // one line of our own instead
    bodyLimit: limits.requestBytes,
    frameworkErrors: (error, request, reply) => sendError(error, request, reply),
    exposeHeadRoutes: false, // each route names its own action
    requestTimeout: 0, // uploads may be long; a stalled one is ended by the socket's own timeout
    connectionTimeout: 120_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    trustProxy: trustedProxies ? [...trustedProxies] : false,
    routerOptions: { maxParamLength: 512 },
    ...(tls && { https: { cert: readFileSync(tls.cert), key: readFileSync(tls.key), minVersion: 'TLSv1.2' } }),
  } satisfies FastifyServerOptions & { https?: unknown };
  return (fastify(options as FastifyServerOptions) as unknown as App).withTypeProvider<TypeBoxTypeProvider>();
}

/** Keeps a list of all routes. Throws, so that nothing starts, if one under /v1 does not say what it asks of its caller. */
function watchRoutes(app: App): void {
  const routes: RouteDescription[] = [];
  app.decorate('routeActions', routes);
  app.addHook('onRoute', ({ method, url, config }) => {
    const action = (config as { action?: RouteAction } | undefined)?.action;
    if (url.startsWith('/v1') && action === undefined) throw new Error(`the route ${url} names no action`);
    for (const name of [method].flat()) routes.push({ method: name, url, ...(action && { action }) });
  });
}

/** Who asks these must not be turned away because others ask much. */
const probes: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics']);

/** Floods, overload, foreign sites, and headers that keep browsers strict. */
async function guard(app: App, limits: Limits, origins: OriginPolicy): Promise<void> {
  await app.register(rateLimit, { global: false });
  const countAddress = app.createRateLimit({
    max: limits.requestsPerMinutePerAddress,
    timeWindow: 60_000,
    keyGenerator: ({ ip }) => `address ${ip}`,
  });
  // A hook of the whole server, so that it runs before tokens are verified: guessing them counts as well.
  app.addHook('onRequest', async (request) => {
    if (probes.has(request.routeOptions.url ?? '')) return;
    const count = await countAddress(request);
    if (!count.isAllowed && count.isExceeded)
      throw new StoreError('busy', 'too many requests: slow down', { context: { retryAfterSeconds: count.ttlInSeconds } });
  });
  if (limits.eventLoopDelayMs > 0)
    await app.register(underPressure, {
      maxEventLoopDelay: limits.eventLoopDelayMs,
      pressureHandler: (request) => {
        if (request.url.startsWith('/v1/')) throw new StoreError('unavailable', 'the server is overloaded: try again');
      },
    });
  await app.register(helmet, {
    contentSecurityPolicy: {
      directives: {
        // The page at /docs brings its own script and styles; everything else is data and runs nothing.
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'", "'unsafe-inline'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        frameAncestors: ["'none'"],
        upgradeInsecureRequests: null,
      },
    },
    strictTransportSecurity: false, // set by who ends TLS for the whole host name
  });
  await app.register(cors, {
    origin: (origin, done) => done(null, origin !== undefined && origins.allows(origin)),
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'if-match', 'if-none-match', 'range'],
    exposedHeaders: ['etag', 'content-range', 'accept-ranges', 'content-disposition', 'x-content-sha256', 'retry-after'],
    credentials: false,
    maxAge: 600,
  });
}
