import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { UserId } from '@spacestore/core';
import { idCache, subprotocol, type WireLimits } from '@spacestore/core/sync';
import { type WebSocket, WebSocketServer } from 'ws';
import { type SyncDeps, syncPath } from '../sync-part.ts';
import { AcceptedSocket, ignoreReset, type SocketParts } from './accepted-socket.ts';
import { compressions } from './compress.ts';
import { counts } from './counts.ts';
import type { Hub } from './hub.ts';

export interface EndpointOptions {
  readonly heartbeatMs: number;
  readonly pageBytes: number;
  readonly pageRecords: number;
  /** Pages made ready before they are asked for, of all connections together. */
  readonly pagesAhead: number;
  readonly presenceKeys: number;
  readonly presenceBytes: number;
  /** Calls and bytes of one connection under way beyond which nothing more is read from it. */
  readonly loadCalls: number;
  readonly loadBytes: number;
  /** Clients that are sent away come back spread over so long. */
  readonly reconnectSpreadMs: number;
  /** How long a drain waits for verdicts, and then for sockets to close. */
  readonly drainMs: number;
}

/** Open sockets and how they end. */
export interface Endpoint {
  readonly tick: () => void;
  readonly drain: () => Promise<void>;
  readonly sockets: () => number;
}

/** Accepts sockets on a server's `upgrade`. `overloaded` asks for a 503. */
export function endpoint(server: Server, deps: SyncDeps, hub: Hub, options: EndpointOptions, overloaded: () => boolean): Endpoint {
  const { limits, origins, clock, metrics, log } = deps;
  const wire: WireLimits = {
    maxFrameBytes: limits.frameBytes,
    maxCallRecords: limits.callRecords,
    maxBodyBytes: limits.bodyBytes,
    maxCounterJump: limits.counterJump,
    maxPeers: limits.peersPerUser,
    presenceKeys: options.presenceKeys,
    presenceBytes: options.presenceBytes,
    heartbeatMs: options.heartbeatMs,
    pageBytes: options.pageBytes,
  };
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.frameBytes,
    clientTracking: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  const open = new Set<AcceptedSocket>();
  const perAddress = counts<string>();
  let draining = false;
  const parts: SocketParts = {
    services: deps.services,
    authenticator: deps.authenticator,
    hub,
    clock,
    session: {
      limits: wire,
      compress: compressions,
      handshakeMs: limits.handshakeMs,
      handshakeBytes: limits.handshakeBytes,
      maxWorkspaces: limits.workspacesPerSocket,
      bufferBytes: limits.socketBufferBytes,
      stalledMs: limits.stalledReaderMs,
    },
    ids: idCache(),
    pageBytes: options.pageBytes,
    pageRecords: options.pageRecords,
    pageSlots: { free: options.pagesAhead },
    reconnectAfterMs: () => Math.round(Math.random() * options.reconnectSpreadMs),
    report: (error) => log.error({ err: error }, 'sync'),
    loadCalls: options.loadCalls,
    loadBytes: options.loadBytes,
    bufferBytes: limits.socketBufferBytes,
    handshakeBytes: limits.handshakeBytes,
    perUser: counts<UserId>(),
    socketsPerUser: limits.socketsPerUser,
  };

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', ignoreReset);
    const address = deps.addressOf(request);
    const refusal = refuse(request, address);
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (accepted) => accept(accepted, request.socket, address));
  };
  const refuse = (request: IncomingMessage, address: string): string | undefined => {
    if (new URL(request.url ?? '/', 'http://server').pathname !== syncPath) return '404 Not Found';
    if (!origins.allows(request.headers.origin)) return '403 Forbidden';
    if (!offers(request)) return '400 Bad Request';
    if (draining || overloaded() || open.size >= limits.sockets) return '503 Service Unavailable';
    if (perAddress.of(address) >= limits.socketsPerAddress) return '429 Too Many Requests';
    return undefined;
  };

  const accept = (socket: WebSocket, network: Socket, address: string): void => {
    const accepted = new AcceptedSocket(randomBytes(12).toString('base64url'), parts, socket, network, (closed) => {
      open.delete(closed);
      perAddress.remove(address);
      metrics.sockets.set(open.size);
    });
    open.add(accepted);
    perAddress.add(address);
    metrics.sockets.set(open.size);
  };

  server.on('upgrade', onUpgrade);

  return {
    tick: () => {
      for (const socket of open) socket.tick();
    },
    sockets: () => open.size,
    drain: async () => {
      draining = true;
      for (const socket of open) socket.pause();
      await until(() => ![...open].some((socket) => socket.connection.owed() > 0), options.drainMs);
      for (const socket of open) {
        socket.connection.drain();
        socket.resume();
      }
      await until(() => open.size === 0, options.drainMs);
      for (const socket of open) socket.close(false);
      server.off('upgrade', onUpgrade);
    },
  };
}

function offers(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((name) => name.trim() === subprotocol);
}

async function until(done: () => boolean, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  while (!done() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
}
