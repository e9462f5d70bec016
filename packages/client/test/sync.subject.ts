import { type Subject, type SyncClient, type SyncUnderTest, syncSubject } from '@spacestore/conformance';
import { type Outbox, parseWorkspaceId, type StoredRecord, type SyncConnection, type SyncTransport } from '@spacestore/core';
import { memoryOutbox, memoryOutboxPlace } from '@spacestore/core/memory';
import type { PlacedRecord } from '@spacestore/core/sync';
import { createClient } from '../src/client.ts';
import { parseEndpoint } from '../src/endpoint.ts';
import { webSocketTransport } from '../src/web-socket-transport.ts';
import { type RealServer, startRealServer, tokenOf } from './support/real-server.ts';

/** Fast to come back, so that laws do not wait. */
const quick = { backoffBaseMs: 20, backoffCapMs: 100 };
const users = { ada: 'owner', bob: 'editor', eve: 'stranger' } as const;
const servers = new Map<string, RealServer>();

/** Notes the length of every frame that came in. */
function counting(transport: SyncTransport, note: (bytes: number) => void): SyncTransport {
  const watched = (connection: SyncConnection): SyncConnection => ({
    get bufferedBytes() {
      return connection.bufferedBytes;
    },
    send: connection.send,
    close: connection.close,
    receive: async (call) => {
      const frame = await connection.receive(call);
      note(frame?.length ?? 0);
      return frame;
    },
  });
  return { ...transport, connect: async (endpoint, call) => watched(await transport.connect(endpoint, call)) };
}

/** What a broken client would do otherwise. */
export interface ClientChanges {
  readonly session?: NonNullable<Parameters<typeof createClient>[0]['session']>;
  readonly outbox?: (outbox: Outbox) => Outbox;
  readonly token?: (token: string) => string;
  readonly received?: (records: readonly PlacedRecord[]) => readonly PlacedRecord[];
}

function underTest(server: RealServer, changes: ClientChanges): SyncUnderTest {
  const endpoint = parseEndpoint(server.url).ws;
  const plain = webSocketTransport();
  const outboxes = new Map<string, Outbox>();
  const open = new Set<SyncClient>();
  let bytesDown = 0;
  return {
    workspace: async (name) => {
      const id = parseWorkspaceId(name);
      const made = await server.call('owner', 'POST', '/workspaces', { id, name: id, codec: 'opaque' });
      if (!made.ok) throw new Error(`${made.status}: ${await made.text()}`);
      const member = await server.call('owner', 'PUT', `/workspaces/${id}/members/editor`, { role: 'editor' });
      if (!member.ok) throw new Error(`${member.status}: ${await member.text()}`);
      return id;
    },
    client: async ({ user, workspace, peers, device, token }) => {
      const outbox = outboxes.get(device) ?? memoryOutbox({ place: memoryOutboxPlace() });
      outboxes.set(device, outbox);
      const transport = counting(webSocketTransport(), (bytes) => {
        bytesDown += bytes;
      });
      const client = createClient({
        url: endpoint,
        token: () => (changes.token ?? same)(token ?? tokenOf(users[user])),
        outbox: (changes.outbox ?? same)(outbox),
        transport,
        session: { ...quick, ...changes.session },
      });
      const received: PlacedRecord[] = [];
      const handle = client.workspace(workspace, { peers, trees: 'all' });
      handle.onRecords((records) => {
        received.push(...(changes.received ?? same)(records));
      });
      const opened: SyncClient = {
        append: (records) => handle.append(records),
        flush: () => handle.flush(),
        received: () => received,
        status: () => handle.status.value,
        close: async () => {
          if (!open.delete(opened)) return;
          await client.close();
          await transport.close();
        },
      };
      open.add(opened);
      return opened;
    },
    log: async (workspace) => {
      const records: StoredRecord[] = [];
      for (let query: Parameters<ReturnType<RealServer['ops']>['read']>[1] | undefined = { limit: 1000 }; query !== undefined; ) {
        const page = await server.ops().read(workspace, query);
        records.push(...page.records);
        query = page.next;
      }
      return records;
    },
    connection: () => plain.connect(endpoint),
    token: (user) => tokenOf(users[user]),
    cut: server.cut,
    setDown: server.setDown,
    restart: server.restart,
    connections: server.connections,
    bytesDown: () => bytesDown,
    close: async () => {
      await Promise.all([...open].map((client) => client.close()));
      await plain.close();
    },
  };
}

const same = <Value>(value: Value): Value => value;

/** The client and the server, or a client that is broken in one way. */
export const syncSubjectWith = (name: string, changes: ClientChanges = {}): Subject<'sync'> =>
  syncSubject({
    name,
    setup: async (scope) => {
      const server = await startRealServer();
      servers.set(server.url, server);
      scope.after(async () => {
        servers.delete(server.url);
        await server.stop();
      });
      return { url: server.url };
    },
    open: ({ url }) => underTest(servers.get(url) as RealServer, changes),
  });

export const subjects: readonly Subject<'sync'>[] = [syncSubjectWith('client and server')];
