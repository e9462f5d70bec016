/** What a connection needs of a WebSocket, the platform's own or a library's. */
export interface Socket {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly protocol: string;
  readonly send: (frame: Uint8Array<ArrayBuffer>) => void;
  readonly close: (code?: number, reason?: string) => void;
  readonly addEventListener: (type: 'open' | 'message' | 'close' | 'error', listener: (event: SocketEvent) => void) => void;
  /** Ends it without a word, where the platform can. */
  readonly terminate?: () => void;
  /** Stops reading from the network, where the platform can. */
  readonly pause?: () => void;
  readonly resume?: () => void;
}

export interface SocketEvent {
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** Opens a socket to a URL, offering one subprotocol. Larger messages end it. */
export type OpenSocket = (url: string, protocol: string, maxFrameBytes: number) => Socket;

/** Takes sockets at a free port of this machine alone. Resolves with their URL. */
export type ListenSockets = (
  protocol: string,
  maxFrameBytes: number,
  accept: (socket: Socket) => void,
) => Promise<{ readonly url: string; readonly close: () => Promise<void> }>;
