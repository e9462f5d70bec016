import { createHash } from 'node:crypto';
import { type AnySubject, blobStoreSubject, opStoreSubject, secretStoreSubject, transportSubject } from '@spacestore/conformance';
import { type BlobRoot, type Clock, parseWorkspaceId } from '@spacestore/core';
import { type RemoteStores, remoteStores } from '../src/stores/remote-stores.ts';
import { webSocketTransport } from '../src/web-socket-transport.ts';
import { type RealServer, startRealServer, tokenOf } from './support/real-server.ts';

const many = Number.MAX_SAFE_INTEGER;

/** One server a place, with the clock of whoever opens the place; limits that are no law of a store are out of the way. */
const servers = new Map<string, { readonly server: RealServer; clock: Clock }>();

async function startServer(scope: { readonly after: (undo: () => Promise<void> | void) => void }): Promise<{ readonly url: string }> {
  const held: { clock: Clock } = { clock: { now: () => Date.now() } };
  const server = await startRealServer({
    empty: true,
    clock: { now: () => held.clock.now() },
    limits: {
      counterJump: many,
      workspacesPerOwner: many,
      requestsPerMinutePerAddress: many,
      requestsPerMinutePerUser: many,
      requestBytes: 64 * 1024 * 1024,
      callBytes: 32 * 1024 * 1024,
      frameBytes: 48 * 1024 * 1024,
      fileBytes: 16 * 1024 * 1024,
    },
  });
  servers.set(server.direct, Object.assign(held, { server }));
  scope.after(async () => {
    servers.delete(server.direct);
    await server.stop();
  });
  return { url: server.direct };
}

/** The caller is the only user of what they make. */
function openStores(url: string, clock: Clock, appends: 'http' | 'socket' = 'http'): Promise<RemoteStores> {
  const held = servers.get(url);
  if (held !== undefined) held.clock = clock;
  return remoteStores({
    url,
    token: () => tokenOf('stranger'),
    createWorkspaces: 'opaque',
    appends,
    workspaceOfRoot: workspaceOf,
    maxBlobBytes: 16 * 1024 * 1024,
  });
}

/** The kit's roots are paths of any letters; a workspace's id is lower case. */
function workspaceOf(root: BlobRoot) {
  return parseWorkspaceId(`r${createHash('sha256').update(root).digest('hex').slice(0, 40)}`);
}

export const subjects: readonly AnySubject[] = [
  opStoreSubject({
    name: 'server seen as a log',
    module: import.meta.url,
    setup: startServer,
    open: async ({ url }, { clock }) => (await openStores(url, clock)).ops,
  }),
  opStoreSubject({
    name: 'server seen as a log, through the socket',
    module: import.meta.url,
    setup: startServer,
    open: async ({ url }, { clock }) => (await openStores(url, clock, 'socket')).ops,
  }),
  blobStoreSubject({
    name: 'server seen as files',
    module: import.meta.url,
    setup: startServer,
    open: async ({ url }, { clock }) => (await openStores(url, clock)).blobs,
  }),
  secretStoreSubject({
    name: 'server seen as secrets',
    module: import.meta.url,
    setup: startServer,
    open: async ({ url }, { clock }) => (await openStores(url, clock)).secrets,
  }),
  transportSubject({
    name: 'WebSocket',
    setup: () => ({}),
    open: () => webSocketTransport(),
  }),
];
