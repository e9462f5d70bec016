import { once } from 'node:events';
import { promisify } from 'node:util';
import { inflateRaw, zstdDecompress } from 'node:zlib';
import { parseWorkspaceId } from '@spacestore/core';
import {
  type ClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  encodeRecordBlock,
  type Inflate,
  idCache,
  type Joined,
  type ServerMessage,
  subprotocol,
} from '@spacestore/core/sync';
import { WebSocket } from 'ws';
import { countOpsDown, isOpsDown } from './count-ops-down.ts';
import type { Driver } from './driver.ts';
import { type ServerProcess, startServer } from './server-process.ts';

const limits = { maxFrameBytes: 8 << 20, maxRecords: 1_000_000 };
const unzstd = promisify(zstdDecompress);
const undeflate = promisify(inflateRaw);
/** As the client does it: a page in one piece. */
const inflate: Inflate = (how, bytes, maxOutputLength) =>
  (how === 'zstd' ? unzstd : undeflate)(bytes, { maxOutputLength, chunkSize: maxOutputLength + 64 });

/** Talks the real protocol with the real codec, without the client's outbox and states. */
export const ourDriver: Driver = {
  name: 'ours',
  start: (dir) => startServer(new URL('./our-server.ts', import.meta.url), dir),
  prepare: async (server, workspaces) => {
    for (const id of workspaces) {
      const response = await fetch(`${server.url}/v1/workspaces`, {
        method: 'POST',
        headers: { authorization: `Bearer ${server.told.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ id, codec: 'reptree-1' }),
      });
      if (!response.ok) throw new Error(`could not make a workspace: ${response.status} ${await response.text()}`);
    }
  },
  connect: async (server, workspace, events) => {
    const onMessage = (message: ServerMessage): void => {
      if (message.kind === 'ack') {
        events.onAck?.(message.batch - acknowledged);
        acknowledged = message.batch;
      } else if (message.kind === 'nack' || message.kind === 'refused' || message.kind === 'lag') {
        throw new Error(`${message.kind}: ${JSON.stringify(message)}`);
      }
    };
    const { socket, send, joined } = await join(server, workspace, { onMessage, onRecords: (count) => events.onRecords?.(count) });
    let acknowledged = 0;
    let batch = 0;
    if (events.onRecords) send({ kind: 'sub', ws: joined.ws, sub: 1, trees: null, cursor: joined.head?.cursor ?? null });
    return {
      send: (records) => send({ kind: 'ops-up', ws: joined.ws, batch: ++batch, records, block: encodeRecordBlock(records) }),
      close: () => socket.terminate(),
    };
  },
  idle: async (server, workspace) => {
    const { socket, send, joined } = await join(server, workspace, {
      onMessage: (message) => {
        if (message.kind === 'ping') send({ kind: 'pong' });
      },
    });
    send({ kind: 'sub', ws: joined.ws, sub: 1, trees: null, cursor: joined.head?.cursor ?? null });
    return { close: () => socket.terminate() };
  },
  cold: async (server, workspace) => {
    let records = 0;
    let bytes = 0;
    let finish: () => void = () => undefined;
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { socket, send, joined } = await join(server, workspace, {
      onMessage: (message) => {
        if (message.kind !== 'page') return;
        records += message.records.length;
        if (message.next === null) finish();
        else send({ kind: 'pull', ws: joined.ws, sub: 1, after: message.next, through: message.through });
      },
      onBytes: (size) => {
        bytes += size;
      },
    });
    send({ kind: 'sub', ws: joined.ws, sub: 1, trees: null, cursor: null });
    send({ kind: 'pull', ws: joined.ws, sub: 1, after: null, through: null });
    await done;
    socket.terminate();
    return { records, bytes };
  },
};

interface Listener {
  /** In order. */
  readonly onMessage: (message: ServerMessage) => void;
  /** Records of OPS are counted, not taken apart: with fifty readers in this process their decoding would be what is measured. */
  readonly onRecords?: (count: number) => void;
  readonly onBytes?: (size: number) => void;
}

interface Joining {
  readonly socket: WebSocket;
  readonly send: (message: ClientMessage) => void;
  readonly joined: Joined;
}

/** Connects, says HELLO and JOIN, and from then on hands over what comes. */
async function join(server: ServerProcess, workspace: string, { onMessage, onRecords, onBytes }: Listener): Promise<Joining> {
  const socket = new WebSocket(`${server.url.replace(/^http/, 'ws')}/v1/sync`, subprotocol, { perMessageDeflate: false });
  await once(socket, 'open');
  const send = (message: ClientMessage): void => socket.send(encodeClientMessage(message));
  const ids = idCache();
  let queue: Promise<void> | undefined;
  let resolveJoined: (joined: Joined) => void = () => undefined;
  const joined = new Promise<Joined>((resolve, reject) => {
    resolveJoined = resolve;
    socket.on('close', (code, reason) => reject(new Error(`the server closed the socket: ${code} ${reason.toString()}`)));
  });
  const handle = (message: ServerMessage): void => {
    if (message.kind === 'bye') throw new Error(`BYE ${message.code}: ${message.reason}`);
    if (message.kind === 'welcome') send({ kind: 'join', request: 1, workspace: parseWorkspaceId(workspace), peers: [], wish: 'write' });
    else if (message.kind === 'joined') resolveJoined(message);
    else onMessage(message);
  };
  socket.on('message', (data: Buffer) => {
    onBytes?.(data.length);
    if (onRecords !== undefined && isOpsDown(data)) return onRecords(countOpsDown(data));
    const message = decodeServerMessage(data, limits, inflate, ids);
    // A compressed page comes later: what follows it waits behind it.
    if (message instanceof Promise || queue) {
      const mine: Promise<void> = (queue ?? Promise.resolve())
        .then(() => message)
        .then(handle)
        .then(() => {
          if (queue === mine) queue = undefined;
        });
      queue = mine;
    } else handle(message);
  });
  send({ kind: 'hello', versions: [1], token: server.told.token as string, client: 'bench', compress: ['zstd', 'deflate'] });
  return { socket, send, joined: await joined };
}
