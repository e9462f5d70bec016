import { parseWorkspaceId, type SyncConnection } from '@spacestore/core';
import { memoryTransport } from '@spacestore/core/memory';
import { decodeClientMessage, encodeServerMessage, type ServerMessage, type WireLimits } from '@spacestore/core/sync';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RemoteStores, remoteStores } from '../src/stores/remote-stores.ts';
import { socketAppends } from '../src/stores/socket-appends.ts';
import { type RealServer, startRealServer, tokenOf, workspace } from './support/real-server.ts';
import { peerA, peerB, record, tree } from './support/records.ts';

describe('appending over the socket', () => {
  let server: RealServer;
  let stores: RemoteStores;
  beforeEach(async () => {
    server = await startRealServer({ limits: { frameBytes: 10_000 } });
    stores = await remoteStores({ url: server.url, token: () => tokenOf('owner'), appends: 'socket' });
  });
  afterEach(async () => {
    await stores.ops.close();
    await server.stop();
  });

  test('calls of one turn are judged in their order, each with its own result', async () => {
    const calls = [[record(0), record(1)], [record(1), record(2)], [record(1, peerA, 'other')], [record(0, peerB)]];
    const outcomes = await Promise.allSettled(calls.map((records) => stores.ops.append(workspace, records)));
    const through = (await stores.ops.head(workspace))?.cursor;
    expect(outcomes).toMatchObject([
      { value: { added: 2, committedAt: 2 } },
      { value: { added: 1, committedAt: 3 } },
      { reason: { code: 'equivocation', context: { ids: [{ tree, peer: peerA, counter: 1 }] } } },
      { value: { added: 1, committedAt: 4, through } },
    ]);
  });

  test('a call that fits into no frame is refused before it is sent, and disturbs no other', async () => {
    const large = [record(7, peerA, 'x'.repeat(10_000))];
    const outcomes = await Promise.allSettled([record(0), ...large, record(1)].map((each) => stores.ops.append(workspace, [each])));
    expect(outcomes).toMatchObject([
      { value: { committedAt: 1 } },
      { reason: { code: 'too_large', context: { maxBytes: 10_000 } } },
      { value: { committedAt: 2 } },
    ]);
  });

  test('a connection that breaks leaves the outcome open, and the next call makes a new one', async () => {
    await stores.ops.append(workspace, [record(0)]);
    const broken = stores.ops.append(workspace, [record(1)]);
    server.cut();
    await expect(broken).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    await stores.ops.append(workspace, [record(1)]);
    expect((await stores.ops.head(workspace))?.records).toBe(2);
    await server.restart();
    const again = async (): Promise<unknown> => stores.ops.append(workspace, [record(2)]).catch(again); // it may have been told of the end or not
    expect(await again()).toMatchObject({ committedAt: 3 });
  });

  test('whoever is no member any more is told so', async () => {
    const editor = await remoteStores({ url: server.url, token: () => tokenOf('editor'), appends: 'socket' });
    await editor.ops.append(workspace, [record(0)]);
    await stores.workspaces.setMember(workspace, 'editor' as never, undefined);
    await expect(editor.ops.append(workspace, [record(1)])).rejects.toMatchObject({ code: 'not_found' });
    await editor.ops.close();
  });

  test('more workspaces than a connection may join are written in turns', async () => {
    const ids = Array.from({ length: 70 }, (_, i) => parseWorkspaceId(`many${i}`));
    const own = await remoteStores({ url: server.url, token: () => tokenOf('stranger'), createWorkspaces: 'opaque', appends: 'socket' });
    for (let round = 0; round < 2; round++)
      expect(await Promise.all(ids.map((id) => own.ops.append(id, [record(round)])))).toMatchObject(
        ids.map(() => ({ added: 1, committedAt: round + 1 })),
      );
    await own.ops.close();
  });
});

describe('a server that answers over the socket otherwise', () => {
  const limits: WireLimits = {
    maxFrameBytes: 10_000,
    maxCallRecords: 10,
    maxBodyBytes: 1000,
    maxCounterJump: 1,
    maxPeers: 1,
    presenceKeys: 1,
    presenceBytes: 1,
    heartbeatMs: 20,
    pageBytes: 1,
  };
  const joined = {
    kind: 'joined',
    request: 1,
    workspace,
    ws: 1,
    role: 'owner',
    codec: 'opaque',
    relay: true,
    taken: [],
    head: null,
  } as const;

  /** Answers each kind of message with what the test says. */
  async function answering(answers: Readonly<Record<string, ServerMessage | undefined>>) {
    const transport = memoryTransport();
    const welcome = { kind: 'welcome', version: 1, connection: 'c', user: 'u' as never, limits, compress: null, serverTime: 0 } as const;
    const serve = async (connection: SyncConnection): Promise<void> => {
      for (let frame = await connection.receive(); frame !== undefined; frame = await connection.receive()) {
        const { kind } = decodeClientMessage(frame, { maxFrameBytes: 10_000, maxRecords: 10 });
        const answer = kind === 'hello' ? welcome : answers[kind];
        if (answer !== undefined) await connection.send(encodeServerMessage(answer));
      }
    };
    const listener = await transport.listen((connection) => void serve(connection));
    const appends = socketAppends({ transport, endpoint: listener.endpoint, token: () => 't', joining: (_, join) => join() });
    return {
      append: () => appends.append(workspace, [record(0)]),
      close: async () => {
        await appends.close();
        await transport.close();
      },
    };
  }

  test('with no result is no proof of where the records stand', async () => {
    const { append, close } = await answering({ join: joined, 'ops-up': { kind: 'ack', ws: 1, batch: 1, cursor: null } });
    await expect(append()).rejects.toMatchObject({ code: 'unsupported' });
    await close();
  });

  test('by falling silent is taken for dead', async () => {
    const { append, close } = await answering({ join: joined });
    await expect(append()).rejects.toMatchObject({ code: 'unavailable' });
    await close();
  });

  test('with a last word says why', async () => {
    const { append, close } = await answering({ join: { kind: 'bye', code: 'going_away', reason: 'night', reconnectAfterMs: 1 } });
    await expect(append()).rejects.toMatchObject({ code: 'unavailable', cause: { message: 'night' } });
    await close();
  });
});
