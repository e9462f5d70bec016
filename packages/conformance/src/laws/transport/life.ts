import { getEventListeners } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { hasCode, StoreError, type SyncConnection } from '@spacestore/core';
import { subprotocol } from '@spacestore/core/sync';
import fc from 'fast-check';
import { holds, refused, same, settle, show } from '../../check/expect.ts';
import { contentOf } from '../../gen/blob-store.ts';
import { canaryOf } from '../../gen/secret-store.ts';
import type { Law } from '../../spec/law.ts';
import { expectFrame, moment, openExchange, unstuck } from './link.ts';

const group = 'life';

const closing: Law<'transport'> = {
  id: 'TR-10',
  kind: 'transport',
  group,
  title:
    'close sends what was accepted, then ends both sides; after it sends are `closed`, nobody is called back, and closing again is fine',
  why: 'The last edits before a tab closes travel in the last frames.',
  floors: { 'frames accepted before a close': { count: 50 } },
  run: async (context) => {
    const room = await context.shared();
    const exchange = await openExchange(room.store);
    await context.check(
      fc.record({ count: fc.nat(40), size: fc.constantFrom(10, 3000, 40_000), farCloses: fc.boolean(), listening: fc.boolean() }),
      async ({ count: wanted, size, farCloses, listening }, run) => {
        // What nobody receives yet must fit into the bounds of any transport.
        const count = listening ? wanted : Math.min(wanted, Math.floor(60_000 / size));
        const { near, far } = await exchange.link();
        const [closer, other] = farCloses ? [far, near] : [near, far];
        run.say(
          `${count} frames of ${size} bytes, then close at once; the other side ${listening ? 'receives all the while' : 'receives afterwards'}`,
        );
        const receive = async (): Promise<number> => {
          for (let i = 0; ; i++) {
            const frame = await other.receive();
            if (frame === undefined) return i;
            same(Buffer.compare(frame, contentOf(i, size)), 0, `bytes of frame ${i} are the ones sent`);
          }
        };
        const early = listening ? receive() : undefined;
        const own = settle(closer.receive());
        for (let i = 0; i < count; i++) await closer.send(contentOf(i, size));
        run.count('frames accepted before a close', count > 0);
        for (let i = 1; i < count; i++) run.count('frames accepted before a close');
        const closed = closer.close('done');
        await refused(closer.send(contentOf(0, 1)), 'a send after close', 'closed');
        same(await (early ?? receive()), count, 'frames received');
        await closed;
        await closer.close();
        same(await other.receive(), undefined, 'what is received after the end');
        const mine = await own;
        holds(
          mine.ok ? mine.value === undefined : hasCode(mine.error, 'closed', 'unavailable'),
          'a receive that waited at the closing side gave a frame',
        );
        await refused(sendUntilClosed(other), 'sends to a side that closed', 'closed', 'unavailable');
        await other.close();
      },
      { runs: 15 },
    );
    await context.example(async (run) => {
      run.say('the listener closes, with two connections open');
      const links = [await exchange.link(), await exchange.link()];
      const accepted = exchange.accepted();
      const ends = links.map(({ near }) => settle(near.receive()));
      await exchange.listener.close();
      await exchange.listener.close();
      for (const end of ends) {
        const outcome = await end;
        holds(
          outcome.ok ? outcome.value === undefined : hasCode(outcome.error, 'unavailable'),
          'a connection of a closed listener goes on',
        );
      }
      await refused(room.store.connect(exchange.listener.endpoint), 'connecting to a closed listener', 'unavailable');
      await moment(20);
      same(exchange.accepted(), accepted, 'connections accepted after the listener closed');
    });
    await context.example(async (run) => {
      const own = await context.room();
      const { listener, link } = await openExchange(own.store);
      const { near } = await link();
      run.say('the transport closes, with a connection and a listener open');
      const end = settle(near.receive());
      await own.store.close();
      await own.store.close();
      const outcome = await end;
      holds(
        outcome.ok ? outcome.value === undefined : hasCode(outcome.error, 'closed', 'unavailable'),
        'a connection of a closed transport goes on',
      );
      await refused(own.store.connect(listener.endpoint), 'connect after close', 'closed');
      await refused(
        own.store.listen(() => undefined),
        'listen after close',
        'closed',
      );
    });
  },
};

/** Sends until the transport has learnt that nobody is there. */
async function sendUntilClosed(connection: SyncConnection): Promise<void> {
  for (let i = 0; i < 200; i++) {
    await connection.send(contentOf(i, 10));
    await moment(1);
  }
}

const hostile: Law<'transport'> = {
  id: 'TR-09',
  kind: 'transport',
  group,
  title: 'what is no endpoint is `invalid`, nobody there is `unavailable`, and whatever strangers send, the others are served',
  why: 'A port on the internet hears everything; one line of rubbish must not end the process.',
  run: async (context) => {
    const room = await context.shared();
    const exchange = await openExchange(room.store);
    const { endpoint } = exchange.listener;
    const served = async (what: string): Promise<void> => {
      const { near, far } = await exchange.link();
      await near.send(contentOf(1, 100));
      await expectFrame(far, contentOf(1, 100), what);
      await near.close();
    };
    await context.example(async (run) => {
      for (const bad of ['', ' ', 'nonsense', '://', '\0', 'file:///etc/passwd', 'javascript:1', 'x'.repeat(5000)]) {
        run.say(`connect to ${show(bad.slice(0, 40))}`);
        await refused(room.store.connect(bad), `connect to ${show(bad.slice(0, 40))}`, 'invalid');
      }
      const gone = await openExchange(room.store);
      await gone.listener.close();
      await refused(room.store.connect(gone.listener.endpoint), 'connect where nobody listens any more', 'unavailable');
      await served('after that');
    });
    if (!endpoint.startsWith('ws:')) return;
    const { hostname, port } = new URL(endpoint);
    const { near, far } = await exchange.link();
    await context.check(
      fc.record({ salt: fc.nat(9999), polite: fc.boolean(), cut: fc.nat(300) }),
      async ({ salt, polite, cut }, run) => {
        const upgrade = `GET / HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`;
        const rubbish = Buffer.concat(Array.from({ length: 9 }, (_, i) => canaryOf(salt, i)));
        const bytes = polite ? Buffer.concat([Buffer.from(upgrade), rubbish]) : rubbish.subarray(0, cut);
        run.say(`a stranger sends ${polite ? 'a good handshake and then ' : ''}${bytes.length} bytes of rubbish`);
        await new Promise<void>((resolve) => {
          const socket = connectTcp(Number(port), hostname, () => socket.end(bytes));
          socket
            .on('data', () => undefined)
            .on('error', () => undefined)
            .on('close', () => resolve());
          setTimeout(() => socket.destroy(), 100);
        });
        await near.send(contentOf(salt, 50));
        await expectFrame(far, contentOf(salt, 50), 'a frame of another connection');
      },
      { runs: 12 },
    );
    await context.example(async (run) => {
      const stranger = new WebSocket(endpoint, subprotocol);
      run.say('a stranger sends text, and a frame beyond the limit');
      await new Promise((resolve) => stranger.addEventListener('open', resolve));
      const ended = new Promise((resolve) => stranger.addEventListener('close', resolve));
      stranger.send('{"kind":"hello"}');
      stranger.send(new Uint8Array(room.store.capabilities.maxFrameBytes + 1));
      await ended;
      await near.send(contentOf(1, 100));
      await expectFrame(far, contentOf(1, 100), 'a frame of another connection');
    });
    await exchange.listener.close();
  },
};

const aborts: Law<'transport'> = {
  id: 'TR-14',
  kind: 'transport',
  group,
  title: 'a call given up is `aborted` and takes nothing with it: no frame sent, none lost, no listener left behind',
  why: 'A client gives up waiting all the time; a frame swallowed by a wait nobody wants is a lost message.',
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const exchange = await openExchange(room.store);
      const { near, far } = await exchange.link();
      const signal = AbortSignal.abort();
      run.say('connect, send and receive, aborted before');
      const accepted = exchange.accepted();
      await refused(room.store.connect(exchange.listener.endpoint, { signal }), 'connect', 'aborted');
      await refused(near.send(contentOf(1, 10), { signal }), 'send', 'aborted');
      await refused(far.receive({ signal }), 'receive', 'aborted');
      run.say('receive, aborted while it waits, three times');
      for (let i = 0; i < 3; i++) {
        const stop = new AbortController();
        const receiving = refused(far.receive({ signal: stop.signal }), 'a receive that waited', 'aborted');
        await moment(2);
        stop.abort();
        await receiving;
      }
      for (const n of [2, 3, 4, 5, 6]) await near.send(contentOf(n, 10));
      for (const n of [2, 3, 4, 5, 6])
        await unstuck(expectFrame(far, contentOf(n, 10), 'the first frame that was really sent'), 'a frame is missing');
      same(exchange.accepted(), accepted, 'connections accepted');
      const long = new AbortController();
      for (let i = 0; i < 300; i++) {
        await near.send(contentOf(i, 10), { signal: long.signal });
        await far.receive({ signal: long.signal });
      }
      const listeners = getEventListeners(long.signal, 'abort').length;
      holds(listeners <= 2, `${listeners} listeners stayed on a signal after 600 calls`);
      run.say('connect, aborted at once');
      const stop = new AbortController();
      const connecting = settle(room.store.connect(exchange.listener.endpoint, { signal: stop.signal }));
      stop.abort();
      const outcome = await connecting;
      if (outcome.ok) await outcome.value.close();
      else
        holds(
          outcome.error instanceof StoreError && hasCode(outcome.error, 'aborted'),
          'an aborted connect failed otherwise than as aborted',
        );
      await room.store.close();
    }),
};

const leaks: Law<'transport'> = {
  id: 'TR-18',
  kind: 'transport',
  group,
  title: 'connections opened and closed leave no open file and no timer',
  why: 'Phones connect and vanish all day.',
  tools: ['open files'],
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const exchange = await openExchange(room.store);
      const once = async (i: number): Promise<void> => {
        const { near, far } = await exchange.link();
        await near.send(contentOf(i, 100));
        await expectFrame(far, contentOf(i, 100), 'a frame');
        await (i % 2 === 0 ? near : far).close();
        await (i % 2 === 0 ? far : near).close();
      };
      await once(0);
      const [files, things] = [(await context.world.openFiles()).length, timers()];
      const rounds = context.size(100, 400);
      for (let i = 0; i < rounds; i++) await once(i);
      await exchange.listener.close();
      await room.store.close();
      run.say(`${rounds} connections opened and closed`);
      for (let i = 0; i < 100 && ((await context.world.openFiles()).length > files + 3 || timers() > things + 3); i++) await moment(20);
      const after = (await context.world.openFiles()).length;
      holds(after <= files + 3, `open files went from ${files} to ${after}`);
      holds(timers() <= things + 3, `timers went from ${things} to ${timers()}`);
    }),
};

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

export const lifeLaws: readonly Law<'transport'>[] = [closing, hostile, aborts, leaks];
