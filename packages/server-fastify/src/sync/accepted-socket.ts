import type { Socket } from 'node:net';
import { StoreError, type UserId } from '@spacestore/core';
import type { RawData, WebSocket } from 'ws';
import { type Connection, type ConnectionParts, connection, type Line } from './connection.ts';
import type { Counts } from './counts.ts';

/** What all sockets of an endpoint share. */
export interface SocketParts extends ConnectionParts {
  /** Calls and bytes of one connection under way beyond which nothing more is read from it, and unsent bytes. */
  readonly loadCalls: number;
  readonly loadBytes: number;
  readonly bufferBytes: number;
  readonly handshakeBytes: number;
  readonly perUser: Counts<UserId>;
  readonly socketsPerUser: number;
}

/** Bytes of an HTTP upgrade's frame headers that do not count as HELLO. */
const frameOverhead = 64;

/** One client's socket, from the upgrade on. A class, as a server holds thousands. */
export class AcceptedSocket implements Line {
  readonly connection: Connection;
  readonly #parts: SocketParts;
  readonly #socket: WebSocket;
  /** Only the network socket is kept: a request with its headers would stay in memory as long as the connection. */
  readonly #network: Socket;
  #user: UserId | undefined;
  #heard = false;
  #paused = false;
  #corked = false;
  #accepted = 0;

  constructor(id: string, parts: SocketParts, socket: WebSocket, network: Socket, onClose: (closed: AcceptedSocket) => void) {
    this.#parts = parts;
    this.#socket = socket;
    this.#network = network;
    this.connection = connection(id, parts, this);
    network.on('drain', () => this.loaded());
    socket.on('error', ignoreReset);
    socket.on('message', (data, binary) => this.#receive(data, binary));
    socket.on('close', () => {
      if (this.#user !== undefined) parts.perUser.remove(this.#user);
      onClose(this);
      this.connection.gone();
    });
    this.#guardHello();
  }

  tick(): void {
    this.connection.tick(this.#paused);
    this.loaded();
  }

  /** Frames of one run of the event loop leave in one write: what a commit brings a connection (OPS, then ACK) is one system call. */
  send(frame: Uint8Array): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#network.cork();
      process.nextTick(uncork, this);
    }
    this.#accepted += frame.length;
    this.#socket.send(frame, asBinary);
  }

  uncork(): void {
    this.#corked = false;
    this.#network.uncork();
  }

  buffered(): number {
    return this.#socket.bufferedAmount;
  }

  flushed(): number {
    return this.#accepted - this.#socket.bufferedAmount;
  }

  admit(user: UserId): boolean {
    const { perUser, socketsPerUser } = this.#parts;
    if (perUser.of(user) >= socketsPerUser) return false;
    this.#user = user;
    perUser.add(user);
    return true;
  }

  close(flush: boolean): void {
    if (flush) this.#socket.close(1000);
    else this.#socket.terminate();
  }

  loaded(): void {
    const { loadCalls, loadBytes, bufferBytes } = this.#parts;
    const { calls, bytes } = this.connection;
    const full = calls > loadCalls || bytes > loadBytes || this.buffered() > bufferBytes;
    if (full === this.#paused || this.#socket.readyState !== this.#socket.OPEN) return;
    this.#paused = full;
    if (full) this.#socket.pause();
    else this.#socket.resume();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  #receive(data: RawData, binary: boolean): void {
    this.#heard = true;
    if (binary)
      this.connection.receive(this.connection.calls < uncopiedCalls ? plainBytes(data as Buffer) : new Uint8Array(data as Buffer));
    else this.connection.refuse(new StoreError('invalid', 'frames are binary'));
    this.loaded();
  }

  /** Until the first frame is there nobody is known: no more than HELLO's bytes are taken in. */
  #guardHello(): void {
    const network = this.#network;
    const most = network.bytesRead + this.#parts.handshakeBytes + frameOverhead;
    const guard = (): void => {
      if (this.#heard) network.off('data', guard);
      else if (network.bytesRead > most) this.#socket.terminate();
    };
    network.on('data', guard);
  }
}

/** Calls under way up to which frames are not copied: ws and Node hand over each piece once and read the next into other memory, so it may be kept.
 *  Beyond, the store is slow, and a small frame that waits would hold the whole piece of up to 64 KB that it came in. */
const uncopiedCalls = 64;

/** The same memory without a Buffer's own ways. */
function plainBytes({ buffer, byteOffset, length }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

const asBinary = { binary: true, compress: false } as const;

function uncork(socket: AcceptedSocket): void {
  socket.uncork();
}

/** A connection that breaks, or a frame that ws refuses, ends in `close`, where everything is cleaned up. */
export function ignoreReset(): void {
  // Nothing to add to what `close` does.
}
