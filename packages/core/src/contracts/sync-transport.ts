import type { CallOptions } from '../call.ts';

export interface SyncTransportCapabilities {
  /** Largest frame in bytes; sending one more byte is `too_large` at the sender. */
  readonly maxFrameBytes: number;
  /** Frames arrive in the order sent. Gates TR-02. */
  readonly ordered: boolean;
}

/** One side of an open connection: moves frames, knows nothing of their meaning. */
export interface SyncConnection {
  /** Bytes accepted by `send` that have not left this process yet. */
  readonly bufferedBytes: number;

  /** Accepts one frame for sending, boundaries kept, bytes exact; the bytes are not read after the call returned its promise's resolution.
   *  Waits while more than the transport's bound is buffered. Throws: too_large, closed, aborted. */
  readonly send: (frame: Uint8Array, call?: CallOptions) => Promise<void>;

  /** The next frame, in order, each exactly once; undefined once the other side has closed and everything was received.
   *  The frame is the receiver's own. Throws: unavailable (the connection broke), aborted. */
  readonly receive: (call?: CallOptions) => Promise<Uint8Array | undefined>;

  /** Sends what was accepted, then ends the connection; further sends are `closed`. Calling it again is fine. */
  readonly close: (reason?: string) => Promise<void>;
}

export interface SyncListener {
  /** What the other side passes to `connect`. */
  readonly endpoint: string;
  /** Refuses new connections and ends the open ones. */
  readonly close: () => Promise<void>;
}

/** Carries frames between a client and a server. One connection carries many workspaces. */
export interface SyncTransport {
  readonly contractVersion: 1;
  readonly capabilities: SyncTransportCapabilities;
  /** Throws: unavailable, invalid, aborted. */
  readonly connect: (endpoint: string, call?: CallOptions) => Promise<SyncConnection>;
  /** The accepting twin. `accept` is called once for each connection. */
  readonly listen: (accept: (connection: SyncConnection) => void) => Promise<SyncListener>;
  readonly close: () => Promise<void>;
}
