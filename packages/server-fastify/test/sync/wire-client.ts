import { promisify } from 'node:util';
import { inflateRaw, zstdDecompress } from 'node:zlib';
import { type Cursor, type OpRecord, parsePeerId, parseTreeId, parseWorkspaceId } from '@spacestore/core';
import {
  type ClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  type Inflate,
  type PagedRecord,
  type ServerMessage,
  subprotocol,
} from '@spacestore/core/sync';
import { WebSocket } from 'ws';

const inflated = promisify(inflateRaw);
const unzstd = promisify(zstdDecompress);
const inflate: Inflate = (how, bytes, maxOutputLength) => (how === 'zstd' ? unzstd : inflated)(bytes, { maxOutputLength });

type Message<Kind extends ServerMessage['kind']> = Extract<ServerMessage, { readonly kind: Kind }>;

/** A client that does nothing by itself: what it sends and when it reads is the test's matter. */
export interface WireClient {
  readonly socket: WebSocket;
  readonly send: (message: ClientMessage) => void;
  readonly sendFrame: (frame: Uint8Array) => void;
  /** The next message not yet taken, PINGs apart. */
  readonly take: () => Promise<ServerMessage>;
  /** The next message, which has to be of this kind. */
  readonly expect: <Kind extends ServerMessage['kind']>(kind: Kind) => Promise<Message<Kind>>;
  /** Passes over everything before a message of this kind. */
  readonly until: <Kind extends ServerMessage['kind']>(kind: Kind) => Promise<Message<Kind>>;
  /** What has come and was not taken. */
  readonly waiting: () => readonly ServerMessage[];
  readonly ended: Promise<number>;
  readonly receivedBytes: () => number;
}

export async function connectWire(
  url: string,
  options: { readonly origin?: string; readonly protocols?: readonly string[] } = {},
): Promise<WireClient> {
  const socket = new WebSocket(url, [...(options.protocols ?? [subprotocol])], {
    perMessageDeflate: false,
    ...(options.origin !== undefined && { origin: options.origin }),
  });
  const queue: ServerMessage[] = [];
  const takers: { readonly resolve: (message: ServerMessage) => void; readonly reject: (error: Error) => void }[] = [];
  let bytes = 0;
  let line: Promise<void> = Promise.resolve();
  let over = false;
  socket.on('message', (data) => {
    const frame = new Uint8Array(data as Buffer);
    bytes += frame.length;
    line = line.then(async () => {
      const message = await decodeServerMessage(frame, { maxFrameBytes: 1 << 22, maxRecords: 100_000 }, inflate);
      if (message.kind === 'ping') return;
      const taker = takers.shift();
      if (taker) taker.resolve(message);
      else queue.push(message);
    });
  });
  const ended = new Promise<number>((resolve) =>
    socket.on('close', (code) => {
      over = true;
      resolve(code);
      void line.then(() => {
        for (const { reject } of takers.splice(0)) reject(new Error(`the socket closed with ${code}`));
      });
    }),
  );
  await new Promise<void>((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  const take = (): Promise<ServerMessage> => {
    const first = queue.shift();
    if (first !== undefined) return Promise.resolve(first);
    if (over) return line.then(() => queue.shift() ?? Promise.reject(new Error('the socket is closed')));
    return new Promise((resolve, reject) => takers.push({ resolve, reject }));
  };
  return {
    socket,
    send: (message) => socket.send(encodeClientMessage(message)),
    sendFrame: (frame) => socket.send(frame),
    take,
    expect: async (kind) => {
      const message = await take();
      if (message.kind !== kind) throw new Error(`expected ${kind}, got ${JSON.stringify(message).slice(0, 300)}`);
      return message as Message<typeof kind>;
    },
    until: async (kind) => {
      for (;;) {
        const message = await take();
        if (message.kind === kind) return message as Message<typeof kind>;
        if (message.kind === 'bye') throw new Error(`expected ${kind}, got ${JSON.stringify(message)}`);
      }
    },
    waiting: () => queue,
    ended,
    receivedBytes: () => bytes,
  };
}

export const hello = (token: string, compress: readonly ('zstd' | 'deflate')[] = []): ClientMessage => ({
  kind: 'hello',
  versions: [1],
  token,
  client: 'test',
  compress,
});

export async function greet(
  url: string,
  token: string,
  compress: readonly ('zstd' | 'deflate')[] = [],
): Promise<WireClient & { readonly id: string }> {
  const client = await connectWire(url);
  client.send(hello(token, compress));
  const { connection } = await client.expect('welcome');
  return { ...client, id: connection };
}

export const join = (workspace: string, peers: readonly string[] = [], request = 1): ClientMessage => ({
  kind: 'join',
  request,
  workspace: parseWorkspaceId(workspace),
  peers: peers.map(parsePeerId),
  wish: 'write',
});

/** In a workspace; `tail` reads all of it and goes on. */
export async function enter(
  client: WireClient,
  workspace: string,
  { tail = true, trees = null as readonly string[] | null, sub = 1 } = {},
) {
  client.send(join(workspace));
  const joined = await client.until('joined');
  const records: PagedRecord[] = tail ? await subscribe(client, joined.ws, { trees, sub }) : [];
  return { ws: joined.ws, joined, records };
}

/** Subscribes and pulls until OPS go on; gives what the pages had. */
export async function subscribe(
  client: WireClient,
  ws: number,
  { trees = null as readonly string[] | null, sub = 1, cursor = null as Cursor | null } = {},
): Promise<PagedRecord[]> {
  client.send({ kind: 'sub', ws, sub, trees: trees?.map(parseTreeId) ?? null, cursor });
  return pullAll(client, ws, sub, cursor);
}

export async function pullAll(client: WireClient, ws: number, sub: number, from: Cursor | null): Promise<PagedRecord[]> {
  const records: PagedRecord[] = [];
  let through: Cursor | null = null;
  for (let after = from; ; ) {
    client.send({ kind: 'pull', ws, sub, after, through });
    const page: Message<'page'> = await client.until('page');
    records.push(...page.records);
    if (page.next === null) return records;
    after = page.next;
    through = page.through;
  }
}

const encoder = new TextEncoder();
export const record = (counter: number, { tree = 't', peer = 'p', body = `body ${counter}` } = {}): OpRecord => ({
  tree: parseTreeId(tree),
  peer: parsePeerId(peer),
  counter,
  body: encoder.encode(body),
});

export const ops = (ws: number, batch: number, ...records: readonly OpRecord[]): ClientMessage => ({
  kind: 'ops-up',
  ws,
  batch,
  records,
  block: new Uint8Array(0),
});

export const keysOf = (records: readonly OpRecord[]): string[] => records.map(({ tree, peer, counter }) => `${tree}/${peer}/${counter}`);

/** All records of an OPS, with their positions. */
export const placed = (message: Message<'ops-down'>): { position: number; key: string }[] =>
  message.blocks.flatMap(({ firstPosition, records }) => keysOf(records).map((key, i) => ({ position: firstPosition + i, key })));
