import { describe, expect, test } from 'vitest';
import type { OpRecord } from '../src/contracts/op-store.ts';
import { parsePeerId, parseTreeId, parseUserId, parseWorkspaceId } from '../src/ids.ts';
import { type Cursor, encodeCursor } from '../src/log/cursor.ts';
import { newClientState, stepClient } from '../src/sync/client-session.ts';
import { wakeAt } from '../src/sync/client-session-link.ts';
import { statusOf } from '../src/sync/client-session-status.ts';
import type { ClientEffect, ClientEvent, ClientState } from '../src/sync/client-session-types.ts';
import type { ClientMessage, ServerMessage, WireHead } from '../src/sync/messages.ts';
import { limits } from './sync/model-server.ts';
import { sessionOptions } from './sync/simulated-client.ts';

const workspace = parseWorkspaceId('w');
const peer = parsePeerId('p');
const [a, b] = [parseTreeId('a'), parseTreeId('b')];
const ws = 3;
const at = (position: number): Cursor => encodeCursor({ incarnation: '1'.repeat(16), position, chain: '0'.repeat(16) });
const record = (counter: number, tree = a): OpRecord => ({ tree, peer, counter, body: new Uint8Array([counter]) });

/** A client by hand: what it does is what the test looks at. */
function driven(random = 0.5) {
  let state: ClientState = newClientState(sessionOptions);
  let now = 1000;
  const effects: ClientEffect[] = [];
  const event = (given: ClientEvent): readonly ClientEffect[] => {
    const [next, done] = stepClient(state, given, { now, random });
    state = next;
    effects.push(...done);
    return done;
  };
  const hear = (message: ServerMessage) => event({ kind: 'message', serial: state.serial, message });
  const sent = (from: readonly ClientEffect[]): readonly ClientMessage[] =>
    from.flatMap((each) => (each.kind === 'send' ? [each.message] : []));
  const connect = () => {
    event({ kind: 'token', token: 't', lifetimeMs: null });
    event({ kind: 'connected', serial: state.serial });
    hear({ kind: 'welcome', version: 1, connection: 'c', user: parseUserId('u'), limits, compress: null, serverTime: now });
  };
  const joined = (position = 0, incarnation = '1'.repeat(16), lineage: WireHead['lineage'] = []) => {
    const { join } = state.workspaces.get(workspace) as NonNullable<ReturnType<typeof state.workspaces.get>>;
    if (join.kind !== 'asked') throw new Error(`not asked in: ${join.kind}`);
    const cursor = encodeCursor({ incarnation, position, chain: '0'.repeat(16) });
    const head: WireHead = { incarnation, lineage, cursor, position, records: position, maxCounter: position };
    return hear({ kind: 'joined', request: join.request, workspace, ws, role: 'editor', codec: 'opaque', relay: true, taken: [], head });
  };
  const open = (position = 0) => {
    event({ kind: 'enter', workspace, peers: [peer], wish: 'write', saved: null });
    event({ kind: 'start' });
    connect();
    return joined(position);
  };
  return {
    event,
    hear,
    sent,
    connect,
    joined,
    open,
    effects,
    state: () => state,
    now: () => now,
    status: () => statusOf(state, workspace),
    pass: (ms: number) => {
      now += ms;
      return event({ kind: 'tick' });
    },
    untilWake: () => wakeAt(state) - now,
  };
}

const page = (sub: number, records: readonly OpRecord[], through: number, next: number | null = null): ServerMessage => ({
  kind: 'page',
  ws,
  sub,
  records: records.map((each, i) => ({ ...each, position: i + 1 })),
  next: next === null ? null : at(next),
  through: at(through),
});

describe('reading', () => {
  test('sets of trees are joined only once the app has handled what each was given', () => {
    const client = driven();
    client.open(5);
    client.event({ kind: 'subscribe', workspace, trees: [a] });
    client.event({ kind: 'subscribe', workspace, trees: [b] });
    client.hear(page(1, [record(1)], 5));
    client.hear(page(2, [record(1, b)], 5));
    expect(client.state().workspaces.get(workspace)?.sets).toHaveLength(2);
    client.event({ kind: 'handled', workspace, delivery: 1 });
    expect(client.state().workspaces.get(workspace)?.sets).toHaveLength(2);
    const saved = client.effects.findLast(({ kind }) => kind === 'save');
    expect(saved).toMatchObject({
      places: {
        sets: [
          { trees: ['a'], cursor: at(5) },
          { trees: ['b'], cursor: null },
        ],
      },
    });
    const done = client.event({ kind: 'handled', workspace, delivery: 2 });
    expect(client.state().workspaces.get(workspace)?.sets).toHaveLength(1);
    expect(client.sent(done)).toEqual([
      { kind: 'sub', ws, sub: 1, trees: ['a', 'b'], cursor: at(5) },
      { kind: 'unsub', ws, sub: 2 },
    ]);
  });

  test('a page that live records overtook is no place to go on from', () => {
    const client = driven();
    client.open(5);
    client.event({ kind: 'subscribe', workspace, trees: null });
    client.hear({ kind: 'ops-down', ws, cursor: at(6), blocks: [{ firstPosition: 6, records: [record(6)] }] });
    const after = client.hear(page(1, [record(1)], 5));
    expect(client.sent(after)).toEqual([{ kind: 'pull', ws, sub: 1, after: at(5), through: null }]);
    expect(client.status().connected).toBe('catching-up');
  });

  test('live records at or before the place reached are not given again', () => {
    const client = driven();
    client.open(2);
    client.event({ kind: 'subscribe', workspace, trees: null });
    client.hear(page(1, [record(1), record(2)], 2));
    const given = client.hear({ kind: 'ops-down', ws, cursor: at(3), blocks: [{ firstPosition: 2, records: [record(2), record(3)] }] });
    expect(given).toMatchObject([{ kind: 'deliver', records: [{ counter: 3, position: 3 }] }]);
  });

  test('an app that falls behind is given the rest from the log, and pages only as fast as it takes them', () => {
    const client = driven();
    client.open(0);
    client.event({ kind: 'subscribe', workspace, trees: null });
    client.hear({ ...page(1, [], 1), records: [{ ...record(1), position: 1 }] } as ServerMessage);
    const large = { ...record(2), body: new Uint8Array(3000) };
    client.hear({ kind: 'ops-down', ws, cursor: at(2), blocks: [{ firstPosition: 2, records: [large] }] });
    const dropped = client.hear({ kind: 'ops-down', ws, cursor: at(3), blocks: [{ firstPosition: 3, records: [record(3)] }] });
    expect(dropped).toEqual([]);
    client.event({ kind: 'handled', workspace, delivery: 1 });
    expect(client.sent(client.effects).at(-1)).toMatchObject({ kind: 'pull', after: at(2) });
  });

  test('the answer of another history leads to the fork, and to the app', () => {
    const client = driven();
    client.open(9);
    client.event({ kind: 'subscribe', workspace, trees: null });
    client.hear(page(1, [record(1)], 9));
    client.event({ kind: 'handled', workspace, delivery: 1 });
    client.hear({ kind: 'lag', ws, sub: 1 });
    const fork = encodeCursor({ incarnation: '1'.repeat(16), position: 4, chain: '2'.repeat(16) });
    const told = client.hear({
      kind: 'refused',
      of: 'pull',
      request: 1,
      ws,
      code: 'stale_cursor',
      message: '',
      context: { incarnation: '2'.repeat(16), lineage: [{ incarnation: '1'.repeat(16), forkedAt: fork }] },
    });
    expect(told).toContainEqual(expect.objectContaining({ kind: 'reconcile', from: fork }));
    expect(client.sent(told)).toMatchObject([
      { kind: 'sub', cursor: fork },
      { kind: 'pull', after: fork },
    ]);
  });
});

describe('sending', () => {
  const batch = (number: number) => ({ batch: number, records: [record(number)] });
  const opened = () => {
    const client = driven();
    client.open();
    client.event({
      kind: 'loaded',
      workspace,
      generation: client.state().workspaces.get(workspace)?.sending.generation ?? -1,
      batches: [],
    });
    return client;
  };

  test('the window closes, and opens with each verdict', () => {
    const client = opened();
    for (let i = 1; i <= 6; i++) client.event({ kind: 'added', workspace, batch: batch(i) });
    const numbers = () => client.sent(client.effects).flatMap((message) => (message.kind === 'ops-up' ? [message.batch] : []));
    expect(numbers()).toEqual([1, 2, 3, 4]);
    client.hear({ kind: 'ack', ws, batch: 2, cursor: null });
    expect(numbers()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(client.status().acknowledged).toBe(2);
  });

  test('a batch put back after a refusal is sent, also where a later one is heard of first', () => {
    const client = opened();
    client.event({ kind: 'added', workspace, batch: { batch: 1, records: [record(1), record(2)] } });
    client.hear({ kind: 'nack', ws, batch: 1, code: 'invalid', message: '', ids: [{ tree: a, peer, counter: 1 }] });
    // The rest is batch 2 now; the outbox tells of batch 3 before it tells so.
    const heard = [...client.event({ kind: 'added', workspace, batch: batch(3) }), ...client.event({ kind: 'requeued', workspace })];
    const load = heard.find((effect) => effect.kind === 'load');
    expect(load).toMatchObject({ after: 1 });
    client.event({ kind: 'loaded', workspace, generation: load?.generation ?? -1, batches: [batch(2), batch(3)] });
    const sent = client.sent(client.effects).flatMap((message) => (message.kind === 'ops-up' ? message.records : []));
    expect(sent.map(({ counter }) => counter)).toEqual([1, 2, 2, 3]);
  });

  test('a batch that fits into no frame is set aside, and those behind it go on', () => {
    const client = opened();
    const large = { ...record(1), body: new Uint8Array(limits.maxFrameBytes) };
    client.event({ kind: 'added', workspace, batch: { batch: 1, records: [large] } });
    client.event({ kind: 'added', workspace, batch: batch(2) });
    expect(client.effects).toContainEqual({
      kind: 'verdict',
      workspace,
      batch: 1,
      verdict: { kind: 'refused', code: 'too_large', ids: [{ tree: a, peer, counter: 1 }] },
    });
    const sent = client.sent(client.effects).flatMap((message) => (message.kind === 'ops-up' ? [message] : []));
    expect(sent).toMatchObject([{ batch: 1, records: [{ counter: 2 }] }]);
    expect(client.status().refused).toBe(1);
  });

  test('a batch the server trips over again and again is set aside in the end', () => {
    const client = opened();
    client.event({ kind: 'added', workspace, batch: batch(1) });
    for (let wire = 1; wire <= 6; wire++) {
      client.hear({ kind: 'nack', ws, batch: wire, code: 'internal', message: '', ids: [] });
      expect(client.effects.some(({ kind }) => kind === 'verdict')).toBe(wire === 6);
      client.pass(Math.max(0, (client.state().workspaces.get(workspace)?.sending.hold?.until ?? 0) - client.now()));
    }
    expect(client.effects.at(-1)).toMatchObject({ kind: 'verdict', verdict: { kind: 'refused', ids: [{ counter: 1 }] } });
  });

  test('a client that only writes notices a restore too, wherever the fork lies', () => {
    const client = opened();
    client.event({ kind: 'added', workspace, batch: batch(1) });
    client.hear({ kind: 'ack', ws, batch: 1, cursor: null });
    client.event({ kind: 'disconnected', serial: client.state().serial });
    client.pass(client.untilWake());
    client.connect();
    const told = client.joined(0, '2'.repeat(16), [{ incarnation: '1'.repeat(16), forkedAt: at(0) }]);
    expect(told).toContainEqual(expect.objectContaining({ kind: 'reconcile', from: at(0) }));
    client.event({ kind: 'disconnected', serial: client.state().serial });
    client.pass(client.untilWake());
    client.connect();
    expect(client.joined(0, '2'.repeat(16)).some(({ kind }) => kind === 'reconcile')).toBe(false);
  });

  test('a full workspace keeps everything and says why', () => {
    const client = opened();
    client.event({ kind: 'added', workspace, batch: batch(1) });
    client.hear({ kind: 'nack', ws, batch: 1, code: 'quota', message: 'full', ids: [] });
    expect(client.status()).toMatchObject({ held: { code: 'quota', message: 'full' }, refused: 0 });
    expect(client.effects.some(({ kind }) => kind === 'verdict')).toBe(false);
    const again = client.event({ kind: 'renew' });
    expect(client.sent(again)).toMatchObject([{ kind: 'ops-up', batch: 2 }]);
  });

  test('peers of somebody else are given up, and the rest is asked in with', () => {
    const client = driven();
    client.event({ kind: 'enter', workspace, peers: [peer, parsePeerId('mine')], wish: 'write', saved: null });
    client.event({ kind: 'start' });
    client.connect();
    const told = client.hear({
      kind: 'joined',
      request: 1,
      workspace,
      ws,
      role: 'editor',
      codec: 'opaque',
      relay: true,
      taken: [peer],
      head: null,
    });
    expect(told).toMatchObject([
      { kind: 'peers-lost', why: 'taken', peers: [peer] },
      { kind: 'send', message: { kind: 'join', peers: ['mine'] } },
    ]);
  });
});

describe('the connection', () => {
  test('failures wait longer and longer, up to a cap, anywhere between nothing and that; a success begins anew', () => {
    for (const random of [0, 0.999]) {
      const client = driven(random);
      client.event({ kind: 'enter', workspace, peers: [], wish: 'read', saved: null });
      client.event({ kind: 'start' });
      const waits: number[] = [];
      for (let i = 0; i < 8; i++) {
        client.event({ kind: 'token', token: 't', lifetimeMs: null });
        client.event({ kind: 'disconnected', serial: client.state().serial });
        waits.push(Math.round(client.untilWake()));
        client.pass(client.untilWake());
      }
      expect(waits).toEqual([100, 200, 400, 800, 1600, 2000, 2000, 2000].map((bound) => Math.round(bound * random)));
      client.connect();
      client.pass(sessionOptions.stableMs);
      client.event({ kind: 'disconnected', serial: client.state().serial });
      expect(Math.round(client.untilWake())).toBe(Math.round(100 * random));
    }
  });

  test('a server that says when to come back is heeded', () => {
    const client = driven();
    client.open();
    client.hear({ kind: 'bye', code: 'going_away', reason: '', reconnectAfterMs: 700 });
    expect(client.untilWake()).toBeGreaterThanOrEqual(700);
    expect(client.untilWake()).toBeLessThanOrEqual(800);
  });

  test('a refused token is asked for anew, and not shown again', () => {
    const client = driven();
    client.open();
    client.hear({ kind: 'bye', code: 'unauthenticated', reason: '', reconnectAfterMs: null });
    expect(client.status().connected).toBe('unauthenticated');
    client.pass(client.untilWake());
    const same = client.event({ kind: 'token', token: 't', lifetimeMs: null });
    expect(same).toEqual([]);
    expect(client.untilWake()).toBeGreaterThanOrEqual(sessionOptions.hopelessMs);
    client.pass(client.untilWake());
    expect(client.event({ kind: 'token', token: 'new', lifetimeMs: null })).toMatchObject([{ kind: 'connect' }]);
  });

  test('a token is renewed before it ends, on the open connection', () => {
    const client = driven();
    client.event({ kind: 'start' });
    client.event({ kind: 'token', token: 'first', lifetimeMs: 5000 });
    client.event({ kind: 'connected', serial: client.state().serial });
    client.hear({ kind: 'welcome', version: 1, connection: 'c', user: parseUserId('u'), limits, compress: null, serverTime: 0 });
    expect(client.untilWake()).toBe(4000);
    expect(client.pass(4000)).toContainEqual({ kind: 'ask-token' });
    expect(client.sent(client.event({ kind: 'token', token: 'second', lifetimeMs: 5000 }))).toEqual([{ kind: 'auth', token: 'second' }]);
  });

  test('silence for two heartbeats is the end of a connection; one is worth a ping', () => {
    const client = driven();
    client.open();
    expect(client.sent(client.pass(limits.heartbeatMs))).toEqual([{ kind: 'ping' }]);
    client.hear({ kind: 'pong' });
    client.pass(limits.heartbeatMs);
    expect(client.pass(limits.heartbeatMs)).toContainEqual(expect.objectContaining({ kind: 'disconnect' }));
    expect(client.status().connected).toBe('offline');
  });

  test('presence goes out as the last value of each key, at most so often, and again on a new connection', () => {
    const client = driven();
    client.open();
    client.event({ kind: 'presence', workspace, key: 'k', value: 1 });
    const more = [2, 3, 4].flatMap((value) => client.event({ kind: 'presence', workspace, key: 'k', value }));
    expect(more).toEqual([]);
    expect(client.sent(client.pass(sessionOptions.presenceEveryMs))).toEqual([{ kind: 'presence-up', ws, key: 'k', value: 4 }]);
    client.event({ kind: 'disconnected', serial: client.state().serial });
    client.pass(client.untilWake());
    client.connect();
    expect(client.sent(client.joined())).toContainEqual({ kind: 'presence-up', ws, key: 'k', value: 4 });
  });

  test('who is shut out keeps everything, and is let in again when the app asks', () => {
    const client = driven();
    client.open();
    client.hear({ kind: 'left', ws, code: 'denied', message: 'no longer a member' });
    expect(client.status()).toMatchObject({ connected: 'denied', reason: 'no longer a member' });
    expect(client.sent(client.event({ kind: 'renew' }))).toMatchObject([{ kind: 'join', workspace }]);
  });
});
