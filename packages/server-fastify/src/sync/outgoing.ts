/** What leaves on one socket. */
export interface Outgoing {
  readonly send: (frame: Uint8Array) => void;
  /** Bytes accepted and not yet with the network. */
  readonly buffered: () => number;
  /** Bytes that ever reached the network. */
  readonly flushed: () => number;
}
