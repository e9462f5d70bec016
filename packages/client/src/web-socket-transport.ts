import { type CallOptions, StoreError, type SyncConnection, type SyncListener, type SyncTransport, throwIfAborted } from '@spacestore/core';
import { subprotocol } from '@spacestore/core/sync';
import { listenSockets, openSocket } from '#websocket';
import { checkSecure } from './endpoint.ts';
import { socketConnection } from './socket-connection.ts';
import type { Socket } from './websocket/socket.ts';

export interface WebSocketTransportOptions {
  /** Largest frame in bytes, either way; 8 MiB if absent. */
  readonly maxFrameBytes?: number;
  /** Bytes that may wait in either direction before the sender waits; 4 MiB if absent. */
  readonly maxBufferedBytes?: number;
  /** Connects without TLS to other machines as well. */
  readonly insecure?: boolean;
}

const MiB = 1024 * 1024;

/** Frames over WebSockets: the `ws` package in Node, the platform's own in browsers, which cannot listen. */
export function webSocketTransport(options: WebSocketTransportOptions = {}): SyncTransport {
  const { maxFrameBytes = 8 * MiB, maxBufferedBytes = 4 * MiB } = options;
  const bounds = { maxFrameBytes, maxBufferedBytes };
  const open = new Set<SyncConnection>();
  const listeners = new Set<SyncListener>();
  let closed = false;

  const track = (socket: Socket): SyncConnection => {
    const connection = socketConnection(socket, bounds);
    open.add(connection);
    socket.addEventListener('close', () => open.delete(connection));
    return connection;
  };

  return {
    contractVersion: 1,
    capabilities: { maxFrameBytes, ordered: true },

    connect: async (endpoint, call) => {
      if (closed) throw new StoreError('closed', 'the transport is closed');
      throwIfAborted(call);
      checkSecure(endpoint, options);
      const socket = openSocket(endpoint, subprotocol, maxFrameBytes);
      // Frames may come in the same turn as the opening: the connection listens from the start.
      const connection = track(socket);
      try {
        await opened(socket, call);
      } catch (error) {
        await connection.close();
        throw error;
      }
      if (socket.protocol === subprotocol) return connection;
      await connection.close();
      throw new StoreError('unavailable', 'whoever answers there does not speak this protocol');
    },

    listen: async (accept) => {
      if (closed) throw new StoreError('closed', 'the transport is closed');
      const own = new Set<SyncConnection>();
      const server = await listenSockets(subprotocol, maxFrameBytes, (socket) => {
        const connection = track(socket);
        own.add(connection);
        socket.addEventListener('close', () => own.delete(connection));
        accept(connection);
      });
      const listener: SyncListener = {
        endpoint: server.url,
        close: async () => {
          if (!listeners.delete(listener)) return;
          await Promise.all([...own].map((connection) => connection.close()));
          await server.close();
        },
      };
      listeners.add(listener);
      return listener;
    },

    close: async () => {
      closed = true;
      await Promise.all([...listeners].map((listener) => listener.close()));
      await Promise.all([...open].map((connection) => connection.close()));
    },
  };
}

async function opened(socket: Socket, call: CallOptions | undefined): Promise<void> {
  let onAbort: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve());
      socket.addEventListener('close', ({ code }) =>
        reject(new StoreError('unavailable', 'the server could not be reached', { context: { code } })),
      );
      onAbort = () => reject(new StoreError('aborted', 'aborted while connecting', { cause: call?.signal?.reason }));
      call?.signal?.addEventListener('abort', onAbort, { once: true });
    });
  } finally {
    if (onAbort) call?.signal?.removeEventListener('abort', onAbort);
  }
}
