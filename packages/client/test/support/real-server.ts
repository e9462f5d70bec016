import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStores } from '@spacestore/adapter-sqlite';
import { type BlobStore, type Clock, type OpStore, parseUserId, parseWorkspaceId, systemClock, type WorkspaceId } from '@spacestore/core';
import {
  type MemoryOpPlace,
  memoryBlobPlace,
  memoryBlobStore,
  memoryOpPlace,
  memoryOpStore,
  memorySecretPlace,
  memorySecretStore,
} from '@spacestore/core/memory';
import { createServer, type Limits, type SpacestoreServer, staticTokens } from '@spacestore/server-fastify';
import { attachSync } from '../../../server-fastify/src/sync/attach-sync.ts';

export const users = ['owner', 'editor', 'viewer', 'stranger'] as const;
export type User = (typeof users)[number];
export const tokenOf = (user: User): string => `token-of-${user}`;
export const workspace: WorkspaceId = parseWorkspaceId('w1');

export interface RealServer {
  /** An address that stays the same over restarts of the server, and can be cut. */
  readonly url: string;
  /** The server's own address, until it restarts. */
  readonly direct: string;
  readonly ops: () => OpStore;
  readonly place: MemoryOpPlace;
  /** Ends every connection, as a network does. */
  readonly cut: () => void;
  /** Connections are made and cut at once, until told otherwise. */
  readonly setDown: (down: boolean) => void;
  readonly connections: () => number;
  /** Closes the server and starts another on the same data. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly call: (user: User, method: string, path: string, json?: unknown) => Promise<Response>;
}

/** A server with real sockets over data that outlives it, behind a forwarder of bytes, with a workspace where each role has its user. */
export async function startRealServer(
  options: {
    readonly codec?: string;
    readonly limits?: Partial<Limits>;
    readonly clock?: Clock;
    readonly empty?: boolean;
    readonly blobs?: BlobStore;
  } = {},
): Promise<RealServer> {
  const clock = options.clock ?? systemClock;
  const place = memoryOpPlace();
  const blobs = memoryBlobPlace();
  const secrets = memorySecretPlace();
  const dir = mkdtempSync(join(tmpdir(), 'spacestore-client-'));
  let ops: OpStore;
  let server: SpacestoreServer;
  let port = 0;
  const start = async (): Promise<void> => {
    const { directory, files } = sqliteStores({ dir, clock });
    ops = memoryOpStore({ place, clock });
    server = await createServer({
      ops,
      blobs: options.blobs ?? memoryBlobStore({ place: blobs }),
      files,
      secrets: memorySecretStore({ place: secrets }),
      directory,
      auth: staticTokens(
        users.map((user) => ({
          sha256: createHash('sha256').update(tokenOf(user)).digest('hex'),
          identity: { user: parseUserId(user) },
        })),
      ),
      sync: attachSync,
      origins: ['*'],
      limits: { eventLoopDelayMs: 0, ...options.limits },
    });
    port = Number(new URL(await server.listen({ port: 0 })).port);
  };
  await start();

  const sockets = new Set<Socket>();
  let down = false;
  let connections = 0;
  const forwarder: Server = createTcpServer((near) => {
    connections++;
    if (down) return near.destroy();
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => forwarder.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(forwarder.address() as { port: number }).port}`;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };

  const call = (user: User, method: string, path: string, json?: unknown): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${tokenOf(user)}`, ...(json === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
  if (options.empty !== true) {
    await expectOk(call('owner', 'POST', '/workspaces', { id: workspace, name: 'First', codec: options.codec ?? 'opaque' }));
    for (const role of ['editor', 'viewer']) await expectOk(call('owner', 'PUT', `/workspaces/${workspace}/members/${role}`, { role }));
  }

  return {
    url,
    direct: `http://127.0.0.1:${port}`,
    ops: () => ops,
    place,
    cut,
    setDown: (value) => {
      down = value;
      if (value) cut();
    },
    connections: () => connections,
    restart: async () => {
      await server.close();
      await start();
    },
    stop: async () => {
      await server.close();
      cut();
      await new Promise((resolve) => forwarder.close(resolve));
      rmSync(dir, { recursive: true, force: true });
    },
    call,
  };
}

async function expectOk(reply: Promise<Response>): Promise<void> {
  const response = await reply;
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
}
