import { throwIfAborted } from '../call.ts';
import type { SyncConnection, SyncListener, SyncTransport } from '../contracts/sync-transport.ts';
import { StoreError } from '../errors.ts';
import { closedError, createFrameQueue, type FrameQueue } from './frame-queue.ts';

export interface MemoryTransportOptions {
  /** 2 MiB if absent. */
  readonly maxFrameBytes?: number;
  /** Bytes a direction may be ahead of its receiver before senders wait; 4 MiB if absent. */
  readonly maxBufferedBytes?: number;
}

export interface MemoryTransport extends SyncTransport {
  /** Breaks every connection: what was not received is lost, and receivers fail with `unavailable`. */
  readonly sever: () => void;
}

interface Pair {
  readonly near: SyncConnection;
  readonly far: SyncConnection;
  readonly sever: () => void;
}

interface OpenListener {
  readonly accept: (connection: SyncConnection) => void;
  readonly pairs: Set<Pair>;
}

/** Frames between two ends in one process. Deterministic: no timers, and a frame is there for the receiver when `send` resolves. */
export function memoryTransport(options: MemoryTransportOptions = {}): MemoryTransport {
  const { maxFrameBytes = 2 * 1024 * 1024, maxBufferedBytes = 4 * 1024 * 1024 } = options;
  const listeners = new Map<string, OpenListener>();
  let lastEndpoint = 0;
  let closed = false;

  const stopListening = async (endpoint: string): Promise<void> => {
    const listener = listeners.get(endpoint);
    listeners.delete(endpoint);
    for (const pair of listener?.pairs ?? []) await Promise.all([pair.near.close(), pair.far.close()]);
  };

  return {
    contractVersion: 1,
    capabilities: { maxFrameBytes, ordered: true },

    connect: async (endpoint, call) => {
      if (closed) throw new StoreError('closed', 'the transport is closed');
      throwIfAborted(call);
      if (!/^memory:[1-9][0-9]*$/.test(endpoint)) throw new StoreError('invalid', 'not an endpoint of a memory transport');
      const listener = listeners.get(endpoint);
      if (!listener) throw new StoreError('unavailable', 'nobody listens there', { context: { endpoint } });
      const pair = createPair(maxFrameBytes, maxBufferedBytes, () => listener.pairs.delete(pair));
      listener.pairs.add(pair);
      listener.accept(pair.far);
      return pair.near;
    },

    listen: async (accept): Promise<SyncListener> => {
      if (closed) throw new StoreError('closed', 'the transport is closed');
      lastEndpoint += 1;
      const endpoint = `memory:${lastEndpoint}`;
      listeners.set(endpoint, { accept, pairs: new Set() });
      return { endpoint, close: () => stopListening(endpoint) };
    },

    close: async () => {
      closed = true;
      for (const endpoint of listeners.keys()) await stopListening(endpoint);
    },

    sever: () => {
      for (const listener of listeners.values()) for (const pair of listener.pairs) pair.sever();
    },
  };
}

function createPair(maxFrameBytes: number, boundBytes: number, onEnd: () => void): Pair {
  const there = createFrameQueue(boundBytes);
  const back = createFrameQueue(boundBytes);
  return {
    near: createEnd(there, back, maxFrameBytes, onEnd),
    far: createEnd(back, there, maxFrameBytes, onEnd),
    sever: () => {
      for (const queue of [there, back]) queue.fail(new StoreError('unavailable', 'the connection broke'));
      onEnd();
    },
  };
}

function createEnd(outward: FrameQueue, inward: FrameQueue, maxFrameBytes: number, onEnd: () => void): SyncConnection {
  let closed = false;
  return {
    get bufferedBytes() {
      return outward.bufferedBytes();
    },
    send: async (frame, call) => {
      if (closed) throw closedError();
      if (frame.length > maxFrameBytes)
        throw new StoreError('too_large', `a frame has at most ${maxFrameBytes} bytes`, {
          context: { maxFrameBytes, sizeBytes: frame.length },
        });
      await outward.push(frame, call);
    },
    receive: async (call) => {
      // After closing this end nothing more is taken in: what the other side sent meanwhile is its loss, as on a socket.
      throwIfAborted(call);
      return closed ? undefined : inward.shift(call);
    },
    close: async () => {
      if (closed) return;
      closed = true;
      outward.end();
      inward.end();
      onEnd();
    },
  };
}
