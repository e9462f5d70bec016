import type { WebSocket } from 'ws';

/** What leaves on one socket. */
export interface Outgoing {
  readonly send: (frame: Uint8Array) => void;
  /** Bytes accepted and not yet with the network. */
  readonly buffered: () => number;
  /** Bytes that ever reached the network. */
  readonly flushed: () => number;
}

interface Corkable {
  readonly cork: () => void;
  readonly uncork: () => void;
}

/** Frames of one run of the event loop leave in one write: what a commit brings a connection (OPS, then ACK) is one system call. */
export function outgoing(socket: WebSocket, network: Corkable): Outgoing {
  let corked = false;
  let accepted = 0;
  const uncork = (): void => {
    corked = false;
    network.uncork();
  };
  return {
    send: (frame) => {
      if (socket.readyState !== socket.OPEN) return;
      if (!corked) {
        corked = true;
        network.cork();
        process.nextTick(uncork);
      }
      accepted += frame.length;
      socket.send(frame, { binary: true, compress: false });
    },
    buffered: () => socket.bufferedAmount,
    flushed: () => accepted - socket.bufferedAmount,
  };
}
