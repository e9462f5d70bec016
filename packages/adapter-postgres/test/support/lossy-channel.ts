import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface LossyChannel {
  /** The same database, through this. */
  readonly url: string;
  /** Processes of the database that serve connections that are open now. */
  readonly backends: () => readonly number[];
  /** Notifications that were let through, and those that were not. */
  readonly counts: () => { readonly passed: number; readonly lost: number };
  readonly close: () => Promise<void>;
}

/** Kinds of messages. Source: PostgreSQL, Message Formats */
const [backendKeyData, notification] = [0x4b, 0x41];

/** Passes everything between clients and a server on a socket of this machine, but for the notifications that `loses` says yes to. */
export async function openLossyChannel(url: string, loses: () => boolean): Promise<LossyChannel> {
  const socketDir = /@(%2F[^/]*)\//.exec(url)?.[1];
  const target = new URL(url.replace(/@%2F[^/]*\//, '@socket/'));
  const connect = (): Socket =>
    socketDir
      ? createConnection(join(decodeURIComponent(socketDir), '.s.PGSQL.5432'))
      : createConnection(Number(target.port || 5432), target.hostname);
  const open = new Map<Socket, number | undefined>();
  let passed = 0;
  let lost = 0;

  const server: Server = createServer((client) => {
    const upstream = connect();
    open.set(client, undefined);
    let rest: Buffer = Buffer.alloc(0);
    for (const socket of [client, upstream]) {
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        open.delete(client);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (chunk) => upstream.write(chunk));
    upstream.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (let end = endOf(rest); end !== undefined; end = endOf(rest)) {
        const message = rest.subarray(0, end);
        rest = rest.subarray(end);
        if (message[0] === backendKeyData) open.set(client, message.readInt32BE(5));
        if (message[0] === notification && loses()) {
          lost++;
          continue;
        }
        if (message[0] === notification) passed++;
        client.write(message);
      }
    });
  });
  const dir = mkdtempSync(join(tmpdir(), 'spacestore-channel-'));
  await new Promise<void>((resolve) => server.listen(join(dir, '.s.PGSQL.5432'), resolve));
  return {
    url: url.replace(/@[^/]*\//, `@${encodeURIComponent(dir)}/`),
    backends: () => [...open.values()].filter((pid) => pid !== undefined),
    counts: () => ({ passed, lost }),
    close: async () => {
      for (const socket of open.keys()) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Where the first message ends, if all of it is there: a byte of kind, then the length of the rest. */
function endOf(bytes: Buffer): number | undefined {
  if (bytes.length < 5) return undefined;
  const end = 1 + bytes.readInt32BE(1);
  return bytes.length >= end ? end : undefined;
}
