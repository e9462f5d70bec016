import { request as httpRequest } from 'node:http';
import { type OpStore, parseUserId, parseWorkspaceId, StoreError } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import type { Identity } from '../../src/auth/identity.ts';
import { type SyncHarness, startSync, tokenOf } from './sync-harness.ts';
import { connectWire, enter, greet, hello, join, ops, placed, pullAll, record, subscribe, type WireClient } from './wire-client.ts';

/** The status an upgrade is answered with. */
function upgradeStatus(url: string, headers: Readonly<Record<string, string>>, path?: string): Promise<number> {
  const target = new URL(path ?? '', url);
  return new Promise((resolve, reject) => {
    const asked = httpRequest({
      host: target.hostname,
      port: target.port,
      path: path ?? '/v1/sync',
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-protocol': 'spacestore-sync.v1',
        ...headers,
      },
    });
    asked.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('upgrade', (_response, socket) => {
      socket.destroy();
      resolve(101);
    });
    asked.on('error', reject);
    asked.end();
  });
}

const bye = async (client: WireClient) => {
  const message = await client.until('bye').catch((error: Error) => error);
  if (message instanceof Error) throw message;
  await client.ended;
  return message;
};

describe('an upgrade', () => {
  it('needs the path, the subprotocol and an origin of the list', async () => {
    const { url } = await startSync({ origins: ['https://app.example'] });
    expect(await upgradeStatus(url, {})).toBe(101);
    expect(await upgradeStatus(url, { origin: 'https://app.example' })).toBe(101);
    expect(await upgradeStatus(url, { origin: 'https://evil.example' })).toBe(403);
    expect(await upgradeStatus(url, { origin: 'null' })).toBe(403);
    expect(await upgradeStatus(url, { 'sec-websocket-protocol': 'other' })).toBe(400);
    expect(await upgradeStatus(url, {}, '/v1/other')).toBe(404);
  });

  it('is refused past the caps of sockets and of an address', async () => {
    const few = await startSync({ limits: { sockets: 1 } });
    await connectWire(few.url);
    expect(await upgradeStatus(few.url, {})).toBe(503);
    const perAddress = await startSync({ limits: { socketsPerAddress: 1 } });
    const first = await connectWire(perAddress.url);
    expect(await upgradeStatus(perAddress.url, {})).toBe(429);
    first.socket.close();
    await first.ended;
    await expect.poll(() => upgradeStatus(perAddress.url, {})).toBe(101);
  });
});

describe('a handshake', () => {
  it('tells who one is, the limits and the time', async () => {
    const { url, clock } = await startSync();
    const client = await connectWire(url);
    client.send(hello(tokenOf('ada'), ['deflate', 'zstd']));
    expect(await client.expect('welcome')).toMatchObject({
      user: 'ada',
      compress: 'zstd',
      serverTime: clock.value,
      limits: { maxCallRecords: 1000 },
    });
  });

  it.each([
    ['a bad token', hello('nonsense'), 'unauthenticated'],
    ['no token', hello(''), 'unauthenticated'],
    ['another version', { ...hello(tokenOf('ada')), versions: [2] }, 'unsupported'],
    ['another first message', join('w1'), 'unauthenticated'],
    ['a HELLO of more than 4 KB', hello('x'.repeat(4090)), 'too_large'],
  ] as const)('with %s ends', async (_what, message, code) => {
    const { url } = await startSync();
    const client = await connectWire(url);
    client.send(message as never);
    expect(await bye(client)).toMatchObject({ code, reconnectAfterMs: null });
  });

  it('without HELLO ends in time', async () => {
    const { url, clock } = await startSync();
    const client = await connectWire(url);
    clock.value += 4_999;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(client.waiting()).toEqual([]);
    clock.value += 1;
    expect(await bye(client)).toMatchObject({ code: 'unauthenticated' });
  });

  it('that floods before HELLO is cut off', async () => {
    const { url } = await startSync();
    const client = await connectWire(url);
    client.sendFrame(new Uint8Array(1_000_000));
    expect(await client.ended).toBe(1006);
  });

  it('nothing may follow HELLO before WELCOME', async () => {
    const { url } = await startSync();
    const client = await connectWire(url);
    client.send(hello(tokenOf('ada')));
    client.send(join('w1'));
    expect(await bye(client)).toMatchObject({ code: 'invalid' });
  });

  it('is refused past the cap of a user’s connections', async () => {
    const { url } = await startSync({ limits: { socketsPerUser: 1 } });
    await greet(url, tokenOf('ada'));
    await greet(url, tokenOf('bob'));
    const second = await connectWire(url);
    second.send(hello(tokenOf('ada')));
    expect(await bye(second)).toMatchObject({ code: 'busy', reconnectAfterMs: expect.any(Number) });
  });
});

describe('a token', () => {
  const withExpiry = (harness: { clock: { value: number } }) => ({
    verify: async (token: string): Promise<Identity> => {
      const [user, lifetime] = token.split(':');
      if (lifetime === undefined) throw new StoreError('unauthenticated', 'a valid token is needed');
      return { user: parseUserId(user), expiresAt: harness.clock.value + Number(lifetime) };
    },
  });
  const start = async (): Promise<SyncHarness> => {
    const late: { clock: { value: number } } = { clock: { value: 1_700_000_000_000 } };
    const harness = await startSync({ auth: withExpiry(late) });
    late.clock = harness.clock;
    return harness;
  };

  it('that ends takes the connection with it, unless another came in time', async () => {
    const { url, clock } = await start();
    const [renewed, idle] = [await greet(url, 'ada:1000'), await greet(url, 'bob:1000')];
    renewed.send({ kind: 'auth', token: 'ada:5000' });
    renewed.send({ kind: 'ping' });
    await renewed.expect('pong');
    clock.value += 1000;
    expect(await bye(idle)).toMatchObject({ code: 'unauthenticated' });
    renewed.send({ kind: 'ping' });
    await renewed.expect('pong');
    clock.value += 4000;
    expect(await bye(renewed)).toMatchObject({ code: 'unauthenticated' });
  });

  it('of another user, or a bad one, ends the connection', async () => {
    const { url } = await start();
    for (const token of ['bob:5000', 'nonsense']) {
      const client = await greet(url, 'ada:1000');
      client.send({ kind: 'auth', token });
      expect(await bye(client)).toMatchObject({ code: 'unauthenticated' });
    }
  });
});

describe('the life of a connection', () => {
  it('is kept by heartbeats, and ends when nothing is heard', async () => {
    const { url, clock, metric } = await startSync({ sync: { heartbeatMs: 1000 } });
    const client = await greet(url, tokenOf('ada'));
    let pings = 0;
    client.socket.on('message', (data) => {
      if ((data as Buffer)[0] === 0x20) pings++;
    });
    clock.value += 1000;
    await expect.poll(() => pings).toBe(1);
    client.send({ kind: 'pong' });
    client.send({ kind: 'ping' });
    await client.expect('pong');
    clock.value += 1999;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await metric('spacestore_sockets')).toBe(1);
    clock.value += 1;
    expect(await client.ended).toBe(1006);
  });

  it.each([
    ['text', 'text'],
    ['a frame that is no message', new Uint8Array([0x08, 1, 1, 9, 9, 9])],
    ['an unknown kind', new Uint8Array([0xee])],
    ['a workspace never joined', ops(77, 1, record(1))],
    ['a batch out of order', 'batch'],
    ['a third PULL at once', 'pulls'],
  ] as const)('ends with %s, and others are served', async (_what, fault) => {
    const { url } = await startSync();
    const [ada, bob] = [await greet(url, tokenOf('ada')), await greet(url, tokenOf('bob'))];
    const { ws } = await enter(ada, 'w1');
    const { ws: bobs } = await enter(bob, 'w1');
    if (fault === 'text') ada.socket.send('hello');
    else if (fault === 'batch') ada.send(ops(ws, 2, record(1)));
    else if (fault === 'pulls') for (let i = 0; i < 3; i++) ada.send({ kind: 'pull', ws, sub: 1, after: null, through: null });
    else if (fault instanceof Uint8Array) ada.sendFrame(fault);
    else ada.send(fault);
    expect(await bye(ada)).toMatchObject({ code: 'invalid' });
    bob.send(ops(bobs, 1, record(1)));
    await bob.expect('ack');
  });

  it('leaves nothing behind after 200 connections', async () => {
    const { url, metric } = await startSync();
    for (let i = 0; i < 200; i += 20)
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const client = await greet(url, tokenOf('ada'));
          await enter(client, 'w1');
          client.socket.terminate();
          await client.ended;
        }),
      );
    await expect.poll(() => metric('spacestore_sockets')).toBe(0);
    expect(await metric('spacestore_sync_rooms')).toBe(0);
  });

  it('drained, it gets its verdicts, a BYE with a time to come back, and ends', async () => {
    let open: () => void = () => undefined;
    const shut = new Promise<void>((resolve) => {
      open = resolve;
    });
    const wrap = (store: OpStore): OpStore => ({ ...store, append: (...call) => shut.then(() => store.append(...call)) });
    const { url, server, ops: store, metric } = await startSync({ wrap });
    const ada = await greet(url, tokenOf('ada'));
    const { ws } = await enter(ada, 'w1');
    for (let i = 1; i <= 50; i++) ada.send(ops(ws, i, record(i)));
    ada.send({ kind: 'ping' });
    await ada.expect('pong');
    const closing = server.close();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(ada.waiting()).toEqual([]);
    expect(await metric('spacestore_sockets')).toBe(1);
    open();
    let acked = 0;
    while (acked < 50) acked = (await ada.expect('ack')).batch;
    expect(await bye(ada)).toMatchObject({ code: 'going_away', reconnectAfterMs: expect.any(Number) });
    await closing;
    await expect(store.head(parseWorkspaceId('w1'))).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('what a connection reads', () => {
  it('is never its own, never of a workspace or tree it did not ask for', async () => {
    const { url } = await startSync();
    const [ada, bob, owner, viewer] = await Promise.all(['ada', 'bob', 'owner', 'viewer'].map((user) => greet(url, tokenOf(user))));
    if (!ada || !bob || !owner || !viewer) throw new Error('four');
    await enter(viewer, 'w1');
    const { ws } = await enter(ada, 'w1');
    await enter(ada, 'w2');
    await enter(bob, 'w2');
    const { ws: owners } = await enter(owner, 'w1', { tail: false });
    await subscribe(owner, owners, { trees: ['b', 'c'] });
    ada.send(
      ops(
        ws,
        1,
        record(1, { tree: 'a' }),
        record(2, { tree: 'b' }),
        record(3, { tree: 'a' }),
        record(4, { tree: 'c' }),
        record(5, { tree: 'b' }),
      ),
    );
    expect(await ada.expect('ack')).toMatchObject({ batch: 1 });
    expect(placed(await owner.expect('ops-down'))).toEqual([
      { position: 2, key: 'b/p/2' },
      { position: 4, key: 'c/p/4' },
      { position: 5, key: 'b/p/5' },
    ]);
    expect(placed(await viewer.expect('ops-down'))).toHaveLength(5);
    ada.send(ops(ws, 2, record(6, { tree: 'a' })));
    await ada.expect('ack');
    expect(placed(await viewer.expect('ops-down'))).toEqual([{ position: 6, key: 'a/p/6' }]);
    for (const client of [ada, bob, owner, viewer]) {
      client.send({ kind: 'ping' });
      await client.expect('pong');
      expect(client.waiting()).toEqual([]);
    }
  });

  it('comes in pages, compressed as agreed', async () => {
    const { url, ops: store } = await startSync({ sync: { pageRecords: 40 } });
    const all = Array.from({ length: 100 }, (_, i) => record(i, { body: `a body that repeats itself, number ${i}` }));
    await store.append('w1' as never, all);
    const sizes: number[] = [];
    for (const compress of [[], ['deflate'], ['zstd']] as const) {
      const client = await greet(url, tokenOf('bob'), compress);
      const { ws } = await enter(client, 'w1', { tail: false });
      const before = client.receivedBytes();
      const got = await subscribe(client, ws);
      expect(got.map(({ counter, position }) => [counter, position])).toEqual(all.map(({ counter }, i) => [counter, i + 1]));
      expect(got[7]).not.toHaveProperty('receivedAt');
      sizes.push(client.receivedBytes() - before);
    }
    const [plain, deflated, zstd] = sizes as [number, number, number];
    expect(deflated).toBeLessThan(plain / 2);
    expect(zstd).toBeLessThan(plain / 2);
  });

  it('tells the times if asked', async () => {
    const { url, ops: store, clock } = await startSync();
    await store.append('w1' as never, [record(1)]);
    const client = await greet(url, tokenOf('bob'));
    const { ws } = await enter(client, 'w1');
    client.send({ kind: 'pull', ws, sub: 1, after: null, through: null, times: true });
    expect((await client.expect('page')).records).toMatchObject([{ position: 1, receivedAt: clock.value }]);
  });

  it('goes on from the head without a page, and through joined subscriptions without a gap', async () => {
    const { url } = await startSync();
    const [ada, bob] = [await greet(url, tokenOf('ada')), await greet(url, tokenOf('bob'))];
    const { ws } = await enter(ada, 'w1', { tail: false });
    ada.send(ops(ws, 1, record(1)));
    await ada.expect('ack');
    const { ws: bobs, joined } = await enter(bob, 'w1', { tail: false });
    const cursor = joined.head?.cursor as never;
    bob.send({ kind: 'sub', ws: bobs, sub: 1, trees: ['t' as never], cursor });
    bob.send({ kind: 'sub', ws: bobs, sub: 2, trees: ['u' as never], cursor });
    bob.send({ kind: 'ping' });
    await bob.expect('pong');
    ada.send(ops(ws, 2, record(2), record(3, { tree: 'u' })));
    expect(placed(await bob.expect('ops-down'))).toHaveLength(2);
    bob.send({ kind: 'sub', ws: bobs, sub: 1, trees: ['t' as never, 'u' as never], cursor });
    bob.send({ kind: 'unsub', ws: bobs, sub: 2 });
    bob.send({ kind: 'ping' });
    await bob.expect('pong');
    ada.send(ops(ws, 3, record(4), record(5, { tree: 'u' })));
    expect(placed(await bob.expect('ops-down'))).toHaveLength(2);
    bob.send({ kind: 'sub', ws: bobs, sub: 3, trees: ['t' as never], cursor: null });
    await bob.expect('lag');
  });

  it('past what is buffered for it, is left to its PULL; memory stays bounded, others are not held up', async () => {
    const { url } = await startSync({ limits: { socketBufferBytes: 64 * 1024 }, engine: 'memory' });
    const [ada, slow, quick] = await Promise.all(['ada', 'viewer', 'bob'].map((user) => greet(url, tokenOf(user))));
    if (!ada || !slow || !quick) throw new Error('three');
    const { ws } = await enter(ada, 'w1', { tail: false });
    const { ws: slows } = await enter(slow, 'w1');
    await enter(quick, 'w1');
    slow.socket.pause();
    const body = 'x'.repeat(60_000);
    const batches = 300;
    let told = 0;
    for (let i = 1; i <= batches; i++) {
      ada.send(ops(ws, i, record(i, { body })));
      await ada.until('ack');
      told += placed(await quick.expect('ops-down')).length;
    }
    expect(told).toBe(batches);
    slow.socket.resume();
    const early: number[] = [];
    for (let lagged = false; !lagged; ) {
      const message = await slow.take();
      if (message.kind === 'ops-down') early.push(...placed(message).map(({ position }) => position));
      else lagged = message.kind === 'lag';
    }
    expect(early.length).toBeLessThan(batches); // what the operating system took, and 64 KB more
    const rest = await pullAll(slow, slows, 1, null);
    expect(rest.map(({ position }) => position)).toEqual(Array.from({ length: batches }, (_, i) => i + 1));
    ada.send(ops(ws, batches + 1, record(batches + 1)));
    expect(placed(await slow.until('ops-down'))).toEqual([{ position: batches + 1, key: `t/p/${batches + 1}` }]);
  });

  it('if nothing of it is read for too long, it ends', async () => {
    const { url, clock, metric } = await startSync({ limits: { socketBufferBytes: 64 * 1024 } });
    const [ada, slow] = [await greet(url, tokenOf('ada')), await greet(url, tokenOf('viewer'))];
    const { ws } = await enter(ada, 'w1', { tail: false });
    await enter(slow, 'w1');
    slow.socket.pause();
    const body = 'x'.repeat(1_000_000);
    for (let i = 1; i <= 12; i++) {
      ada.send(ops(ws, i, record(i, { body })));
      await ada.until('ack');
    }
    await new Promise((resolve) => setTimeout(resolve, 50)); // the operating system has taken what it takes
    expect(await metric('spacestore_sockets')).toBe(2);
    clock.value += 31_000;
    await expect.poll(() => metric('spacestore_sockets')).toBe(1);
  });
});

describe('presence', () => {
  const put = (ws: number, key: string, value: unknown) => ({ kind: 'presence-up', ws, key, value }) as const;

  it('tells last values, to newcomers too, and who left', async () => {
    const { url } = await startSync();
    const [ada, bob] = [await greet(url, tokenOf('ada')), await greet(url, tokenOf('bob'))];
    const { ws } = await enter(ada, 'w1', { tail: false });
    await enter(bob, 'w1', { tail: false });
    ada.send(put(ws, 'cursor', { x: 1 }));
    const first = await bob.expect('presence-down');
    expect(first).toMatchObject({ entries: [{ client: ada.id, user: 'ada', key: 'cursor', value: { x: 1 } }], left: [] });
    ada.send(put(ws, 'cursor', null));
    ada.send(put(ws, 'name', 'Ada'));
    const seen = new Map<string, unknown>();
    while (seen.size < 2) for (const { key, value } of (await bob.expect('presence-down')).entries) seen.set(key, value);
    expect([...seen]).toEqual([
      ['cursor', null],
      ['name', 'Ada'],
    ]);
    const viewer = await greet(url, tokenOf('viewer'));
    await enter(viewer, 'w1', { tail: false });
    expect(await viewer.expect('presence-down')).toMatchObject({ entries: [{ client: ada.id, key: 'name' }] });
    ada.socket.terminate();
    expect(await bob.until('presence-down')).toMatchObject({ entries: [], left: [ada.id] });
  });

  it('keeps to its bounds', async () => {
    const { url } = await startSync({ sync: { presenceKeys: 2, presenceBytes: 200 } });
    const [ada, bob] = [await greet(url, tokenOf('ada')), await greet(url, tokenOf('bob'))];
    const { ws } = await enter(ada, 'w1', { tail: false });
    await enter(bob, 'w1', { tail: false });
    ada.send(put(ws, 'a', 1));
    ada.send(put(ws, 'b', 'x'.repeat(300)));
    ada.send(put(ws, 'c', 2));
    ada.send(put(ws, 'd', 3));
    ada.send(put(ws, 'a', 4));
    const last = new Map<string, unknown>();
    while (last.get('a') !== 4) for (const { key, value } of (await bob.expect('presence-down')).entries) last.set(key, value);
    expect([...last.keys()].sort()).toEqual(['a', 'c']);
  });
});
