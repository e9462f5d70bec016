import {
  type AppendResult,
  type CallOptions,
  type OpRecord,
  StoreError,
  type SyncConnection,
  type SyncTransport,
  toStoreError,
  type WorkspaceId,
} from '@spacestore/core';
import {
  type Ack,
  type Bye,
  type ClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  type Nack,
  type ServerMessage,
  type WireLimits,
} from '@spacestore/core/sync';

/** A workspace joined over a link. */
export interface LinkedRoom {
  readonly workspace: WorkspaceId;
  readonly ws: number;
  /** Batches without a verdict, in the order sent; the first of them has this number. */
  first: number;
  readonly waiting: Waiter<AppendResult>[];
}

/** One connection on which workspaces are joined to append to. */
export interface SocketLink {
  readonly ended: () => boolean;
  /** Whether a room is still joined. */
  readonly has: (room: LinkedRoom) => boolean;
  /** Throws: what the server refuses with, unavailable. */
  readonly join: (workspace: WorkspaceId) => Promise<LinkedRoom>;
  /** Sends a batch in this turn, and resolves with its verdict. */
  readonly append: (room: LinkedRoom, records: readonly OpRecord[]) => Promise<AppendResult>;
  readonly leave: (room: LinkedRoom) => void;
  readonly close: () => Promise<void>;
}

interface Waiter<Value> {
  readonly resolve: (value: Value) => void;
  readonly reject: (error: StoreError) => void;
}

const empty = new Uint8Array(0);
const frameLimits = { maxFrameBytes: 16 * 1024 * 1024, maxRecords: 1_000_000 };

/** Connects and greets. Throws: unauthenticated, unavailable, what the server says in BYE. */
export async function socketLink(
  transport: SyncTransport,
  endpoint: string,
  token: string,
  onEnd: () => void,
  call?: CallOptions,
): Promise<SocketLink & { readonly limits: WireLimits }> {
  const connection = await transport.connect(endpoint, call);
  try {
    await connection.send(encodeClientMessage({ kind: 'hello', versions: [1], token, client: 'stores', compress: [] }), call);
    const first = await hear(connection, call);
    if (first?.kind === 'welcome') return { limits: first.limits, ...openLink(connection, first.limits, onEnd) };
    throw first?.kind === 'bye' ? errorOf(first) : new StoreError('unavailable', 'the server did not greet');
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function openLink(connection: SyncConnection, limits: WireLimits, onEnd: () => void): SocketLink {
  const rooms = new Map<number, LinkedRoom>();
  const requests = new Map<number, Waiter<LinkedRoom>>();
  let nextRequest = 1;
  let sent: Promise<void> = Promise.resolve();
  let heard = true;
  let watch: ReturnType<typeof setTimeout> | undefined;
  let ended = false;

  const listen = async (): Promise<void> => {
    let why: StoreError | undefined;
    try {
      for (let message = await hear(connection); message !== undefined; message = await hear(connection)) {
        heard = true;
        if (message.kind !== 'bye') take(message);
        else {
          why = errorOf(message);
          break;
        }
      }
    } catch (error) {
      why = toStoreError(error);
    }
    end(why);
    await connection.close();
  };
  const end = (cause: StoreError | undefined): void => {
    if (ended) return;
    ended = true;
    clearTimeout(watch);
    const error = new StoreError('unavailable', 'the connection ended before the answer', { cause });
    for (const { reject } of [...requests.values(), ...[...rooms.values()].flatMap(({ waiting }) => waiting)]) reject(error);
    requests.clear();
    rooms.clear();
    onEnd();
  };

  const take = (message: ServerMessage): void => {
    switch (message.kind) {
      case 'joined': {
        const room: LinkedRoom = { workspace: message.workspace, ws: message.ws, first: 1, waiting: [] };
        rooms.set(message.ws, room);
        requests.get(message.request)?.resolve(room);
        requests.delete(message.request);
        return;
      }
      case 'refused':
        requests.get(message.request)?.reject(new StoreError(message.code, message.message, { context: message.context }));
        requests.delete(message.request);
        return;
      case 'ack':
      case 'nack': {
        const room = rooms.get(message.ws);
        if (room !== undefined) judge(room, message);
        return;
      }
      case 'left': {
        const waiting = rooms.get(message.ws)?.waiting ?? [];
        rooms.delete(message.ws);
        // Whether what was under way got stored is not known; that the workspace is gone, or closed to the caller, is.
        const code = message.code === 'not_found' || message.code === 'denied' ? message.code : 'unavailable';
        for (const { reject } of waiting) reject(new StoreError(code, message.message));
        return;
      }
      case 'ping':
        send(encodeClientMessage({ kind: 'pong' }));
        return;
      default: // what is told to readers
    }
  };

  /** Frames leave in order; a connection that does not take one is over. */
  const send = (frame: Uint8Array): void => {
    sent = sent.then(() => connection.send(frame)).catch((error: unknown) => end(toStoreError(error)));
  };
  /** While an answer is awaited, a server that says nothing for twice its heartbeat is taken for dead. */
  const expectAnswer = (): void => {
    watch ??= setTimeout(() => {
      watch = undefined;
      if (requests.size === 0 && ![...rooms.values()].some(({ waiting }) => waiting.length > 0)) return;
      if (!heard) {
        end(new StoreError('unavailable', 'the server went silent'));
        void connection.close();
        return;
      }
      heard = false;
      expectAnswer();
    }, 2 * limits.heartbeatMs);
  };

  void listen();
  return {
    ended: () => ended,
    has: (room) => rooms.get(room.ws) === room,
    join: (workspace) =>
      new Promise((resolve, reject) => {
        if (ended) throw new StoreError('unavailable', 'the connection has ended');
        const request = nextRequest++;
        requests.set(request, { resolve, reject });
        send(encodeClientMessage({ kind: 'join', request, workspace, peers: [], wish: 'write', results: true }));
        expectAnswer();
      }),
    append: (room, records) =>
      new Promise((resolve, reject) => {
        const batch = room.first + room.waiting.length;
        const frame = encodeClientMessage({ kind: 'ops-up', ws: room.ws, batch, records, block: empty });
        if (frame.length > limits.maxFrameBytes)
          throw new StoreError('too_large', 'the call fits into no frame: split it', {
            context: { bytes: frame.length, maxBytes: limits.maxFrameBytes },
          });
        room.waiting.push({ resolve, reject });
        send(frame);
        expectAnswer();
      }),
    leave: (room) => {
      rooms.delete(room.ws);
      const message: ClientMessage = { kind: 'leave', ws: room.ws };
      send(encodeClientMessage(message));
    },
    close: async () => {
      await sent;
      end(undefined);
      await connection.close();
    },
  };
}

async function hear(connection: SyncConnection, call?: CallOptions): Promise<ServerMessage | undefined> {
  const frame = await connection.receive(call);
  return frame && decodeServerMessage(frame, frameLimits, () => Promise.reject(new StoreError('invalid', 'no compression was agreed')));
}

/** Gives the batches that a verdict covers their outcome. */
function judge(room: LinkedRoom, verdict: Ack | Nack): void {
  const covered = room.waiting.splice(0, verdict.batch - room.first + 1);
  room.first += covered.length;
  if (verdict.kind === 'nack') {
    const context = verdict.ids.length > 0 ? { ids: verdict.ids } : {};
    covered[0]?.reject(new StoreError(verdict.code, verdict.message, { context }));
    return;
  }
  covered.forEach(({ resolve, reject }, i) => {
    const result = verdict.results?.[i];
    if (result === undefined)
      reject(new StoreError('unsupported', 'this server stores what comes over the socket, but does not tell its place'));
    else resolve({ ...result, through: result.through ?? undefined });
  });
}

function errorOf({ code, reason }: Bye): StoreError {
  return new StoreError(code === 'going_away' || code === 'too_slow' ? 'unavailable' : code, reason);
}
