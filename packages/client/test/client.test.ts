import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStores } from '@spacestore/adapter-sqlite';
import { parseTreeId } from '@spacestore/core';
import { memoryOutbox, memoryOutboxPlace } from '@spacestore/core/memory';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createClient } from '../src/client.ts';
import { parsePlaces, placesName } from '../src/saved-places.ts';
import type { PeersLost } from '../src/workspace-handle.ts';
import { openClient, quick, until, when } from './support/open-client.ts';
import { type RealServer, startRealServer, tokenOf, workspace } from './support/real-server.ts';
import { idOf, idsOf, peerA, peerB, record, tree } from './support/records.ts';

let server: RealServer;
beforeEach(async () => {
  server = await startRealServer();
});
afterEach(async () => {
  await server.stop();
});

const logged = () => (server.place.logs.get(workspace)?.records ?? []).map(idOf).sort();
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => record(from + i));

describe('a client and a server over real sockets', () => {
  test('what one appends the other is given, and the status says when all is saved', async () => {
    const a = openClient(server, 'owner', { peers: [peerA], trees: 'all' });
    const b = openClient(server, 'editor', { peers: [peerB], trees: 'all' });
    await when(a.handle, ({ connected }) => connected === 'live');
    await a.handle.append(range(0, 300));
    await a.handle.flush();
    expect(a.handle.status.value).toMatchObject({ pending: 0, acknowledged: 300, refused: 0, quarantined: 0 });
    expect(logged()).toHaveLength(300);
    await until(() => b.received.size === 300);
    await when(b.handle, ({ connected }) => connected === 'live');
    await b.handle.append([record(1000, peerB)]);
    await until(() => a.received.has(idOf(record(1000, peerB))));
    expect(a.received.size).toBe(1);
  });

  test('edits made offline arrive after reconnecting, and what was missed is caught up with', async () => {
    const a = openClient(server, 'owner', { peers: [peerA], trees: 'all' });
    const b = openClient(server, 'editor', { peers: [peerB], trees: 'all' });
    await when(a.handle, ({ connected }) => connected === 'live');
    await when(b.handle, ({ connected }) => connected === 'live');
    server.setDown(true);
    await when(a.handle, ({ connected }) => connected === 'offline');
    await a.handle.append(range(0, 50));
    expect(a.handle.status.value).toMatchObject({ pending: 50 });
    await b.handle.append([record(0, peerB), record(1, peerB)]);
    server.setDown(false);
    await Promise.all([a.handle.flush(), b.handle.flush()]);
    await until(() => a.received.size >= 2 && b.received.size >= 50);
    expect(logged()).toEqual(idsOf([...range(0, 50), record(0, peerB), record(1, peerB)]));
  });

  test('a server that restarts under load loses nothing it acknowledged, and gets the rest again', async () => {
    const a = openClient(server, 'owner', { peers: [peerA] });
    const appended: Promise<void>[] = [];
    for (let i = 0; i < 40; i++) {
      appended.push(a.handle.append(range(i * 10, i * 10 + 10)));
      if (i === 10) void server.restart();
      if (i === 25) server.cut();
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await Promise.all(appended);
    await a.handle.flush();
    expect(logged()).toEqual(idsOf(range(0, 400)));
    expect(a.handle.status.value).toMatchObject({ pending: 0, quarantined: 0 });
  });

  test('what was in the outbox of a client that died reaches the server from the next one, and nothing is given twice', async () => {
    const place = memoryOutboxPlace();
    const b = openClient(server, 'editor', { peers: [peerB], trees: [tree] });
    await b.handle.append([record(0, peerB)]);
    await b.handle.flush();
    const first = openClient(server, 'owner', { peers: [peerA], trees: [tree] }, { outbox: memoryOutbox({ place }) });
    await until(() => first.received.size === 1);
    server.setDown(true);
    await first.handle.append(range(0, 5));
    await first.client.close();
    server.setDown(false);
    const second = openClient(server, 'owner', { peers: [peerA], trees: [tree] }, { outbox: memoryOutbox({ place }) });
    await second.handle.flush();
    await b.handle.append([record(1, peerB)]);
    await until(() => second.received.has(idOf(record(1, peerB))));
    expect(second.received.has(idOf(record(0, peerB)))).toBe(false);
    expect(logged()).toHaveLength(7);
  });

  test('an outbox in a file carries what was not yet safe over the end of the process that wrote it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'spacestore-outbox-'));
    try {
      server.setDown(true);
      const before = sqliteStores({ dir });
      const first = openClient(server, 'owner', { peers: [peerA], trees: [tree] }, { outbox: before.outbox() });
      await Promise.all(range(0, 20).map((each) => first.handle.append([each])));
      await first.client.close();
      await before.close();
      server.setDown(false);
      const after = sqliteStores({ dir });
      const second = openClient(server, 'owner', { peers: [peerA], trees: [tree] }, { outbox: after.outbox() });
      await when(second.handle, ({ pending }) => pending === 20);
      await second.handle.flush();
      expect(second.handle.status.value).toMatchObject({ pending: 0, acknowledged: 20 });
      expect(logged()).toEqual(idsOf(range(0, 20)));
      await second.client.close();
      await after.close();
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  test('records an app failed to take are given again, and its place is not kept until it has them', async () => {
    const writer = openClient(server, 'editor', { peers: [peerB] });
    await writer.handle.append([record(0, peerB)]);
    await writer.handle.flush();
    const outbox = memoryOutbox();
    const client = createClient({ url: server.url, token: () => tokenOf('owner'), outbox, session: quick });
    const handle = client.workspace(workspace, { peers: [peerA], trees: [tree] });
    const given: string[] = [];
    let fails = true;
    handle.onRecords((records) => {
      given.push(...records.map(idOf));
      if (fails) throw new Error('the disk is full');
    });
    expect(await when(handle, ({ problem }) => problem !== null)).toMatchObject({ problem: { cause: { message: 'the disk is full' } } });
    expect(parsePlaces(await outbox.state(workspace, placesName))?.sets ?? []).not.toContainEqual(
      expect.objectContaining({ cursor: expect.anything() }),
    );
    fails = false;
    await when(handle, ({ problem, connected }) => problem === null && connected === 'live');
    expect(new Set(given)).toEqual(new Set([idOf(record(0, peerB))]));
    expect(given.length).toBeGreaterThan(1);
    await client.close();
    expect(parsePlaces(await outbox.state(workspace, placesName))?.sets).toMatchObject([{ trees: [tree], cursor: expect.any(String) }]);
  });

  test('after a restore the app is told, and what it hands in again is all there', async () => {
    let changes = 0;
    const a = openClient(server, 'owner', {
      peers: [peerA],
      trees: 'all',
      onHistoryChanged: async () => {
        changes++;
        await a.handle.reconcile(range(0, 30));
      },
    });
    await when(a.handle, ({ connected }) => connected === 'live');
    await a.handle.append(range(0, 10));
    await a.handle.flush();
    const backup = await server.ops().snapshot(workspace);
    await a.handle.append(range(10, 30));
    await a.handle.flush();
    await server.ops().restore(workspace, backup as NonNullable<typeof backup>);
    expect(logged()).toHaveLength(10);
    server.cut();
    await until(() => logged().length === 30);
    expect(changes).toBeGreaterThan(0);
    expect(a.handle.status.value).toMatchObject({ quarantined: 0 });
  });

  test('a change of history is told until the app has dealt with it, also over a restart', async () => {
    const place = memoryOutboxPlace();
    const told: string[] = [];
    const first = openClient(
      server,
      'owner',
      {
        peers: [peerA],
        onHistoryChanged: () => {
          told.push('first');
          throw new Error('not now');
        },
      },
      { outbox: memoryOutbox({ place }) },
    );
    await first.handle.append(range(0, 10));
    await first.handle.flush();
    const backup = await server.ops().snapshot(workspace);
    await first.handle.append(range(10, 20));
    await first.handle.flush();
    await server.ops().restore(workspace, backup as NonNullable<typeof backup>);
    server.cut();
    await when(first.handle, ({ problem }) => problem !== null);
    await first.handle.append(range(20, 21));
    await first.handle.flush();
    expect(first.handle.status.value).toMatchObject({ problem: { cause: { message: 'not now' } } });
    await first.client.close();
    const second = openClient(
      server,
      'owner',
      {
        peers: [peerA],
        onHistoryChanged: async () => {
          told.push('second');
          if (told.filter((who) => who === 'second').length === 1) throw new Error('not yet');
          await second.handle.reconcile(range(0, 21));
        },
      },
      { outbox: memoryOutbox({ place }) },
    );
    await until(() => logged().length === 21);
    await second.handle.flush();
    await when(second.handle, ({ problem }) => problem === null);
    await second.client.close();
    expect(told.slice(-2)).toEqual(['second', 'second']);
    const third = openClient(
      server,
      'owner',
      { peers: [peerA], onHistoryChanged: () => void told.push('third') },
      { outbox: memoryOutbox({ place }) },
    );
    await third.handle.append(range(21, 22));
    await third.handle.flush();
    expect(told).not.toContain('third');
  });

  test('large records taken out of quarantine together arrive', async () => {
    const outbox = memoryOutbox();
    const large = (counter: number) => record(counter, peerB, `${counter}`.repeat(900_000));
    const ids = [0, 1, 2].map(large);
    for (const each of ids) {
      const { batch } = await outbox.add(workspace, [each]);
      await outbox.verdict(workspace, batch, { kind: 'refused', code: 'denied', ids: [each] });
    }
    const a = openClient(server, 'owner', { peers: [peerA] }, { outbox });
    await when(a.handle, ({ quarantined }) => quarantined === 3);
    await a.handle.quarantine.retry(ids);
    await a.handle.flush();
    expect(logged()).toEqual(idsOf(ids));
    expect(a.handle.status.value).toMatchObject({ pending: 0, quarantined: 0 });
  });

  test('a tree loaded late is read from the start, others go on', async () => {
    const other = parseTreeId('t2');
    const a = openClient(server, 'owner', { peers: [peerA], trees: [tree] });
    const b = openClient(server, 'editor', { peers: [peerB] });
    await b.handle.append([record(0, peerB), record(1, peerB, 'x', other)]);
    await until(() => a.received.size === 1);
    a.handle.subscribe([other]);
    await until(() => a.received.size === 2);
    await b.handle.append([record(2, peerB), record(3, peerB, 'y', other)]);
    await until(() => a.received.size === 4);
  });

  test('a refused record is set aside, the rest of its batch is saved, and the app is asked for a new peer', async () => {
    const lost: PeersLost[] = [];
    const a = openClient(server, 'owner', { peers: [peerA] });
    await a.handle.append([record(5, peerA, 'the first')]);
    await a.handle.flush();
    const copy = openClient(server, 'owner', {
      peers: [peerA],
      onPeersLost: (told) => {
        lost.push(told);
        return [peerB];
      },
    });
    await copy.handle.append([record(4), record(5, peerA, 'another'), record(6)]);
    await copy.handle.flush();
    expect(copy.handle.status.value).toMatchObject({ pending: 0, quarantined: 1, refused: 1 });
    expect(logged()).toEqual(idsOf([record(4), record(5), record(6)]));
    const [quarantined] = await copy.handle.quarantine.list();
    expect(quarantined).toMatchObject({ code: 'equivocation', record: { counter: 5 } });
    expect(await copy.handle.quarantine.export()).toContain(btoa('another'));
    expect(lost).toEqual([{ why: 'equivocation', peers: [peerA] }]);
    await copy.handle.quarantine.discard([record(5)]);
    expect(await copy.handle.quarantine.list()).toEqual([]);
    await when(copy.handle, (status) => status.quarantined === 0);
  });

  test('one who is no member is told so, and keeps everything', async () => {
    const a = openClient(server, 'stranger', { peers: [peerA], trees: 'all' });
    await a.handle.append(range(0, 3));
    expect(await when(a.handle, ({ connected }) => connected === 'not_found')).toMatchObject({ pending: 3, quarantined: 0 });
    expect(await a.outbox.counts(workspace)).toMatchObject({ records: 3 });
  });

  test('one whose membership ends is told so, keeps everything, and goes on once it is given back', async () => {
    const a = openClient(server, 'editor', { peers: [peerA], trees: 'all' });
    await when(a.handle, ({ connected }) => connected === 'live');
    await server.call('owner', 'DELETE', `/workspaces/${workspace}/members/editor`);
    await when(a.handle, ({ connected }) => connected === 'denied' || connected === 'not_found');
    await a.handle.append(range(0, 3));
    expect(a.handle.status.value).toMatchObject({ pending: 3 });
    await server.call('owner', 'PUT', `/workspaces/${workspace}/members/editor`, { role: 'editor' });
    a.client.reconnect();
    await a.handle.flush();
    expect(logged()).toHaveLength(3);
  });

  test('a viewer reads; what it appends waits, and the status says why', async () => {
    const a = openClient(server, 'viewer', { peers: [peerA], trees: 'all' });
    await a.handle.append([record(0)]);
    const status = await when(a.handle, ({ connected, held, reason }) => held !== null || (connected !== 'connecting' && reason !== null));
    expect(status).toMatchObject({ pending: 1, quarantined: 0 });
    expect(logged()).toEqual([]);
  });

  test('a refused token is not shown again; a new one is, at once', async () => {
    let token = 'wrong';
    let asked = 0;
    const a = openClient(
      server,
      'owner',
      { peers: [peerA] },
      {
        token: () => {
          asked++;
          return token;
        },
      },
    );
    await when(a.handle, ({ connected }) => connected === 'unauthenticated');
    await until(() => asked === 2);
    const before = server.connections();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(server.connections()).toBe(before);
    expect(asked).toBe(2);
    token = tokenOf('owner');
    a.client.reconnect();
    await a.handle.append([record(0)]);
    await a.handle.flush();
    expect(logged()).toHaveLength(1);
  });

  test('others see the last value of a key, and that its client is gone', async () => {
    const a = openClient(server, 'owner', { peers: [peerA] });
    const b = openClient(server, 'editor', { peers: [peerB] });
    for (let i = 0; i <= 20; i++) a.handle.presence.set('cursor', { at: i });
    await until(() => b.handle.presence.others().some(({ values }) => JSON.stringify(values.get('cursor')) === '{"at":20}'));
    await a.client.close();
    await until(() => b.handle.presence.others().length === 0);
  });

  test('a client that was closed holds no socket and no timer', async () => {
    const before = process
      .getActiveResourcesInfo()
      .filter((kind) => kind !== 'Immediate')
      .sort();
    const client = createClient({ url: server.url, token: () => tokenOf('owner'), outbox: memoryOutbox(), session: quick });
    const handle = client.workspace(workspace, { peers: [peerA], trees: 'all' });
    await handle.append(range(0, 5));
    await handle.flush();
    await client.close();
    server.cut();
    await until(() => {
      const now = process.getActiveResourcesInfo();
      return ['Timeout', 'TCPSocketWrap'].every((kind) => count(now, kind) <= count(before, kind));
    });
    await expect(handle.append([record(99)])).rejects.toMatchObject({ code: 'closed' });
  });

  test('an address that would send the token in the clear is refused', () => {
    const options = { token: () => 't', outbox: memoryOutbox() };
    expect(() => createClient({ ...options, url: 'ws://example.org' })).toThrow(expect.objectContaining({ code: 'denied' }));
    expect(() => createClient({ ...options, url: 'http://127.0.0.1.example.org' })).toThrow(expect.objectContaining({ code: 'denied' }));
  });
});

function count(kinds: readonly string[], kind: string): number {
  return kinds.filter((each) => each === kind).length;
}
