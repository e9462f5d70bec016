import { type CallOptions, StoreError, type SyncConnection, throwIfAborted } from '@spacestore/core';
import type { Socket, SocketEvent } from './websocket/socket.ts';

export interface SocketBounds {
  readonly maxFrameBytes: number;
  /** Bytes that may wait for the network before senders wait, and for the receiver before reading stops. */
  readonly maxBufferedBytes: number;
}

/** How often a waiting sender looks whether the network has taken something: the platform's sockets do not tell. */
const pollMs = 4;
/** How long a peer has to answer the closing of a socket before it is ended anyway. */
const closeMs = 1000;

interface Waiter {
  readonly resolve: (frame: Uint8Array | undefined) => void;
  readonly reject: (error: StoreError) => void;
}

/** A connection over an open socket. */
export function socketConnection(socket: Socket, { maxFrameBytes, maxBufferedBytes }: SocketBounds): SyncConnection {
  const frames: Uint8Array[] = [];
  const receivers = new Set<Waiter>();
  const onEnd = new Set<() => void>();
  let queuedBytes = 0;
  let paused = false;
  let closing = false;
  let end: 'closed' | StoreError | undefined;
  socket.binaryType = 'arraybuffer';

  const finish = (how: 'closed' | StoreError): void => {
    if (end !== undefined) return;
    end = how;
    for (const receiver of receivers) {
      if (how === 'closed' || closing) receiver.resolve(undefined);
      else receiver.reject(how);
    }
    receivers.clear();
    for (const tell of onEnd) tell();
    onEnd.clear();
  };
  const take = ({ data }: SocketEvent): void => {
    if (!(data instanceof ArrayBuffer)) {
      finish(new StoreError('invalid', 'a frame is binary'));
      socket.close(1003, 'binary frames only');
      return;
    }
    if (closing) return;
    const frame = new Uint8Array(data);
    const [receiver] = receivers;
    if (receiver !== undefined) {
      receivers.delete(receiver);
      receiver.resolve(frame);
      return;
    }
    frames.push(frame);
    queuedBytes += frame.length;
    if (queuedBytes > maxBufferedBytes && !paused && socket.pause !== undefined) {
      paused = true;
      socket.pause();
    }
  };
  socket.addEventListener('message', take);
  socket.addEventListener('close', ({ code }) => {
    // 1000 and 1001 are said by a side that meant to close; anything else broke.
    finish(code === 1000 || code === 1001 ? 'closed' : new StoreError('unavailable', 'the connection broke', { context: { code } }));
  });
  socket.addEventListener('error', () => undefined); // `close` follows

  const ended = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (end !== undefined) return resolve();
      const tell = (): void => {
        clearTimeout(timer);
        onEnd.delete(tell);
        resolve();
      };
      const timer = setTimeout(tell, ms);
      onEnd.add(tell);
    });
  const drained = async (call: CallOptions | undefined): Promise<void> => {
    while (socket.bufferedAmount > maxBufferedBytes && end === undefined && !closing) {
      throwIfAborted(call);
      await ended(pollMs);
    }
  };

  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send: async (frame, call) => {
      throwIfAborted(call);
      if (frame.length > maxFrameBytes)
        throw new StoreError('too_large', `a frame has at most ${maxFrameBytes} bytes`, {
          context: { maxFrameBytes, sizeBytes: frame.length },
        });
      await drained(call);
      if (closing || end !== undefined) throw new StoreError('closed', 'the connection is closed');
      socket.send(frame.slice());
    },
    receive: async (call) => {
      throwIfAborted(call);
      const frame = closing ? undefined : frames.shift();
      if (frame !== undefined) {
        queuedBytes -= frame.length;
        if (paused && queuedBytes <= maxBufferedBytes / 2) {
          paused = false;
          socket.resume?.();
        }
        return frame;
      }
      if (closing || end === 'closed') return undefined;
      if (end !== undefined) throw end;
      return nextFrame(receivers, call);
    },
    close: async (reason) => {
      if (!closing) {
        closing = true;
        for (const receiver of receivers) receiver.resolve(undefined);
        receivers.clear();
        if (paused) socket.resume?.();
        socket.close(1000, (reason ?? '').slice(0, 100));
      }
      await ended(closeMs);
      if (end === undefined) socket.terminate?.();
      finish('closed');
    },
  };
}

async function nextFrame(receivers: Set<Waiter>, call: CallOptions | undefined): Promise<Uint8Array | undefined> {
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise<Uint8Array | undefined>((resolve, reject) => {
      const receiver: Waiter = { resolve, reject };
      receivers.add(receiver);
      onAbort = () => {
        receivers.delete(receiver);
        reject(new StoreError('aborted', 'aborted while waiting', { cause: call?.signal?.reason }));
      };
      call?.signal?.addEventListener('abort', onAbort, { once: true });
    });
  } finally {
    if (onAbort) call?.signal?.removeEventListener('abort', onAbort);
  }
}
