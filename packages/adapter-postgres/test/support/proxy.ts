import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Proxy {
  /** The same database, through the proxy. */
  readonly url: string;
  /** Cuts every connection, and refuses new ones until `heal`. */
  readonly cut: () => void;
  readonly heal: () => void;
  /** Once a client sends this text: it reaches the server, and when the answer has the text as well, the connection is cut instead. Resolves then. */
  readonly swallowAnswerTo: (text: string) => Promise<void>;
  /** Connections stay open, and nothing passes any more until `heal`. */
  readonly freeze: () => void;
  readonly close: () => Promise<void>;
}

/** Passes bytes between clients and a server that listens on a socket of this machine, or on a port. */
export async function openProxy(url: string): Promise<Proxy> {
  const target = new URL(url.replace(/@([^/]*)\//, (_, host: string) => (host.startsWith('%2F') ? '@socket/' : `@${host}/`)));
  const socketDir = /@(%2F[^/]*)\//.exec(url)?.[1];
  const connect = (): Socket =>
    socketDir
      ? createConnection(join(decodeURIComponent(socketDir), '.s.PGSQL.5432'))
      : createConnection(Number(target.port || 5432), target.hostname);
  const open = new Set<Socket>();
  let isCut = false;
  let isFrozen = false;
  let swallow: { readonly text: string; readonly done: () => void } | undefined;

  const server: Server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const upstream = connect();
    let swallowed: typeof swallow;
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (chunk) => {
      if (swallow && chunk.includes(swallow.text)) {
        swallowed = swallow;
        swallow = undefined;
      }
      if (!isFrozen) upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (!swallowed) client.write(chunk);
      else if (chunk.includes(swallowed.text)) {
        client.destroy();
        swallowed.done();
      }
    });
  });
  const dir = mkdtempSync(join(tmpdir(), 'spacestore-proxy-'));
  await new Promise<void>((resolve) => server.listen(join(dir, '.s.PGSQL.5432'), resolve));
  const cut = (): void => {
    isCut = true;
    for (const socket of open) socket.destroy();
  };
  return {
    url: url.replace(/@[^/]*\//, `@${encodeURIComponent(dir)}/`),
    cut,
    heal: () => {
      isCut = false;
      isFrozen = false;
    },
    freeze: () => {
      isFrozen = true;
    },
    swallowAnswerTo: (text) =>
      new Promise((done) => {
        swallow = { text, done };
      }),
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
