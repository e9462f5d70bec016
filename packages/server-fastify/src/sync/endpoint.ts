import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { StoreError, type UserId } from '@spacestore/core';
import { subprotocol, type WireLimits } from '@spacestore/core/sync';
import { type WebSocket, WebSocketServer } from 'ws';
import { type SyncDeps, syncPath } from '../sync-part.ts';
import { compressions } from './compress.ts';
import { type Connection, connection } from './connection.ts';
import { counts } from './counts.ts';
import type { Hub } from './hub.ts';
import { outgoing } from './outgoing.ts';

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

interface Open {
  readonly socket: WebSocket;
  readonly connection: Connection;
  readonly update: () => void;
  paused: boolean;
}

/** Bytes of an HTTP upgrade's frame headers that do not count as HELLO. */
const frameOverhead = 64;

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
  const open = new Set<Open>();
  const perAddress = counts<string>();
  const perUser = counts<UserId>();
  const pageSlots = { free: options.pagesAhead };
  let draining = false;

  const report = (error: unknown): void => log.error({ err: error }, 'sync');
  const reconnectAfterMs = (): number => Math.round(Math.random() * options.reconnectSpreadMs);

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

  // Only the network socket is kept: a request with its headers would stay in memory as long as the connection.
  const accept = (socket: WebSocket, network: Socket, address: string): void => {
    const out = outgoing(socket, network);
    let user: UserId | undefined;
    const state: Open = {
      socket,
      paused: false,
      update: () => {
        const { calls, bytes } = state.connection.load();
        const full = calls > options.loadCalls || bytes > options.loadBytes || out.buffered() > limits.socketBufferBytes;
        if (full === state.paused || socket.readyState !== socket.OPEN) return;
        state.paused = full;
        if (full) socket.pause();
        else socket.resume();
      },
      connection: connection({
        services: deps.services,
        authenticator: deps.authenticator,
        hub,
        clock,
        options: {
          connection: randomBytes(12).toString('base64url'),
          limits: wire,
          compress: compressions,
          handshakeMs: limits.handshakeMs,
          handshakeBytes: limits.handshakeBytes,
          maxWorkspaces: limits.workspacesPerSocket,
          bufferBytes: limits.socketBufferBytes,
          stalledMs: limits.stalledReaderMs,
        },
        pageBytes: options.pageBytes,
        pageRecords: options.pageRecords,
        pageSlots,
        out,
        admit: (who) => {
          if (perUser.of(who) >= limits.socketsPerUser) return false;
          user = who;
          perUser.add(who);
          return true;
        },
        reconnectAfterMs,
        close: (flush) => (flush ? socket.close(1000) : socket.terminate()),
        loaded: () => state.update(),
        report,
      }),
    };
    open.add(state);
    perAddress.add(address);
    metrics.sockets.set(open.size);

    // Until the first frame is there nobody is known: no more than HELLO's bytes are taken in.
    let heard = false;
    const before = network.bytesRead;
    const guard = (): void => {
      if (!heard && network.bytesRead - before > limits.handshakeBytes + frameOverhead) socket.terminate();
    };
    network.on('data', guard);
    network.on('drain', state.update);

    socket.on('message', (data, binary) => {
      if (!heard) network.off('data', guard);
      heard = true;
      // A copy: ws reads the next frames into the same memory, and records are kept until they are committed and told.
      if (binary) state.connection.receive(new Uint8Array(data as Buffer));
      else state.connection.refuse(new StoreError('invalid', 'frames are binary'));
      state.update();
    });
    socket.on('error', ignoreReset);
    socket.on('close', () => {
      network.off('drain', state.update);
      open.delete(state);
      perAddress.remove(address);
      if (user !== undefined) perUser.remove(user);
      metrics.sockets.set(open.size);
      state.connection.gone();
    });
  };

  server.on('upgrade', onUpgrade);

  return {
    tick: () => {
      for (const { connection: each, paused, update } of open) {
        each.tick(paused);
        update();
      }
    },
    sockets: () => open.size,
    drain: async () => {
      draining = true;
      for (const { socket } of open) socket.pause();
      await until(() => ![...open].some((state) => state.connection.owed() > 0), options.drainMs);
      for (const { socket, connection: each } of open) {
        each.drain();
        socket.resume();
      }
      await until(() => open.size === 0, options.drainMs);
      for (const { socket } of open) socket.terminate();
      server.off('upgrade', onUpgrade);
    },
  };
}

function offers(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((name) => name.trim() === subprotocol);
}

/** A connection that breaks, or a frame that ws refuses, ends in `close`, where everything is cleaned up. */
function ignoreReset(): void {
  // Nothing to add to what `close` does.
}

async function until(done: () => boolean, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  while (!done() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
}
