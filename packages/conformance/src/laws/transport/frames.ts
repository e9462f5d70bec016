import fc from 'fast-check';
import { holds, refused, same, settle } from '../../check/expect.ts';
import { contentOf } from '../../gen/blob-store.ts';
import type { Law } from '../../spec/law.ts';
import { expectFrame, framesToEnd, moment, openExchange, sameFrames, sendEnd, unstuck } from './link.ts';

const group = 'frames';
const sizes = [0, 1, 2, 125, 126, 127, 1000, 65_535, 65_536, 65_537, 200_000] as const;

const exact: Law<'transport'> = {
  id: 'TR-01',
  kind: 'transport',
  group,
  title: 'every frame sent arrives, byte for byte, as one frame, either way; one byte over the limit is `too_large` at the sender',
  why: 'A message cut, glued to its neighbour or changed makes the whole session unreadable.',
  floors: { 'empty frames': { count: 1 }, 'frames beyond 64 KiB': { count: 2 } },
  run: async (context) => {
    const room = await context.shared();
    const exchange = await openExchange(room.store);
    await context.check(
      fc.array(
        fc.tuple(fc.oneof({ arbitrary: fc.constantFrom(...sizes), weight: 3 }, { arbitrary: fc.nat(3000), weight: 1 }), fc.boolean()),
        { minLength: 1, maxLength: 12, size: 'max' },
      ),
      async (frames, run) => {
        const { near, far } = await exchange.link();
        const send = async (): Promise<void> => {
          for (const [i, [size, outward]] of frames.entries()) {
            run.count('empty frames', size === 0);
            run.count('frames beyond 64 KiB', size > 65_536);
            run.say(`send ${size} bytes ${outward ? 'out' : 'back'}, from a view that is wiped afterwards`);
            const mine = new Uint8Array(size + 20).fill(0xee);
            mine.set(contentOf(i, size), 10);
            await (outward ? near : far).send(mine.subarray(10, 10 + size));
            mine.fill(0);
          }
        };
        const sent = (way: boolean): readonly Uint8Array[] =>
          frames.flatMap(([size, outward], i) => (outward === way ? [contentOf(i, size)] : []));
        const sending = send().then(() => Promise.all([sendEnd(near), sendEnd(far)]));
        const [out, back] = await Promise.all([framesToEnd(far), framesToEnd(near), sending]);
        sameFrames(out, sent(true), 'frames sent out');
        sameFrames(back, sent(false), 'frames sent back');
        await near.close();
        same(await far.receive(), undefined, 'what comes after the last frame');
        await far.close();
      },
      { runs: 20 },
    );
    await context.example(async (run) => {
      const { maxFrameBytes } = room.store.capabilities;
      const { near, far } = await exchange.link();
      run.say(`send ${maxFrameBytes} bytes, and one more`);
      const largest = contentOf(1, maxFrameBytes);
      const receiving = expectFrame(far, largest, 'a frame at the limit');
      await near.send(largest);
      await receiving;
      const beyond = refused(near.send(new Uint8Array(maxFrameBytes + 1)), 'a frame beyond the limit', 'too_large');
      await unstuck(beyond, 'a frame beyond the limit was neither sent nor refused');
      await near.send(contentOf(2, 10));
      await expectFrame(far, contentOf(2, 10), 'the frame after the refused one');
      await near.close();
    });
    await context.example(async (run) => {
      run.say('one buffer sent over two connections; the first receiver overwrites what it got');
      const [a, b] = [await exchange.link(), await exchange.link()];
      const frame = contentOf(3, 500);
      await a.near.send(frame);
      await b.near.send(frame);
      (await a.far.receive())?.fill(0);
      await expectFrame(b.far, contentOf(3, 500), 'the frame of the second connection');
      same(Buffer.compare(frame, contentOf(3, 500)), 0, "the sender's own bytes are as they were");
      for (const { near } of [a, b]) await near.close();
    });
    await exchange.listener.close();
  },
};

const ordered: Law<'transport'> = {
  id: 'TR-02',
  kind: 'transport',
  group,
  title: 'frames arrive in the order sent, each exactly once, also when sends overlap and receivers are late',
  why: 'Verdicts are told by number and order: two that change places acknowledge what was refused.',
  needs: { name: 'ordered', holds: (transport) => transport.capabilities.ordered },
  floors: { 'frames sent before the last one was received': { count: 50 } },
  run: async (context) => {
    const room = await context.shared();
    const exchange = await openExchange(room.store);
    await context.check(
      fc.record({ count: fc.integer({ min: 2, max: 60 }), size: fc.constantFrom(4, 200, 70_000), awaited: fc.boolean(), early: fc.nat(5) }),
      async ({ count, size, awaited, early }, run) => {
        const { near, far } = await exchange.link();
        const frames = Array.from({ length: count }, (_, i) =>
          Buffer.concat([Buffer.from(String(i).padStart(4)), contentOf(i, i % 3 === 1 ? 10 : size)]),
        );
        run.say(
          `${count} frames of up to ${size} bytes each way, ${awaited ? 'each awaited' : 'all at once'}; ${early} receivers wait beforehand`,
        );
        const done = { near: false, far: false };
        const receive = async (side: 'near' | 'far'): Promise<readonly Uint8Array[]> => {
          const connection = side === 'near' ? near : far;
          const waiting = Array.from({ length: Math.min(early, count) }, () => connection.receive());
          await moment();
          const frames = await framesToEnd(connection, waiting);
          done[side] = true;
          return frames;
        };
        const send = async (side: 'near' | 'far'): Promise<void> => {
          const connection = side === 'near' ? near : far;
          if (!awaited) await Promise.all(frames.map((frame) => connection.send(frame)));
          else
            for (const frame of frames) {
              await connection.send(frame);
              run.count('frames sent before the last one was received', !done[side === 'near' ? 'far' : 'near']);
            }
          await sendEnd(connection);
        };
        const [back, out] = await Promise.all([receive('near'), receive('far'), send('near'), send('far')]);
        sameFrames(out, frames, 'frames sent out');
        sameFrames(back, frames, 'frames sent back');
        await near.close();
        same(await far.receive(), undefined, 'what comes after the last frame');
      },
      { runs: 28 },
    );
    await exchange.listener.close();
  },
};

/** What may lie between a sender and a receiver that does not receive: both sides' bounds and the system's buffers. */
const mostInFlight = 48 * 1024 * 1024;

const backpressure: Law<'transport'> = {
  id: 'TR-05',
  kind: 'transport',
  group,
  title: 'a receiver that does not receive makes the sender wait, and nobody else; nothing is lost when it goes on',
  why: "One phone on a bad network must not fill the server's memory or stop the others.",
  floors: { 'sends that waited': { count: 1 }, 'frames received afterwards': { count: 1 } },
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const exchange = await openExchange(room.store);
      const [slow, brisk] = [await exchange.link(), await exchange.link()];
      const size = Math.min(256 * 1024, room.store.capabilities.maxFrameBytes);
      let sent = 0;
      let waiting: Promise<unknown> | undefined;
      run.say(`frames of ${size} bytes to a receiver that takes none, until a send waits`);
      while (waiting === undefined) {
        holds(sent * size <= mostInFlight, `${sent * size} bytes were taken for a receiver that takes none, and no send ever waited`);
        const send = settle(slow.near.send(contentOf(sent, size)));
        sent += 1;
        if ((await Promise.race([send, moment(250).then(() => 'waits')])) === 'waits') waiting = send;
      }
      run.count('sends that waited');
      holds(slow.near.bufferedBytes >= 0, 'bufferedBytes is no number');
      run.say(`the send of frame ${sent} waits; another connection goes on`);
      for (let i = 0; i < 5; i++) {
        await unstuck(brisk.near.send(contentOf(i, 1000)), 'the slow receiver made another connection wait');
        await expectFrame(brisk.far, contentOf(i, 1000), 'a frame of another connection');
      }
      run.say('and now all is received');
      for (let i = 0; i < sent; i++) {
        await expectFrame(slow.far, contentOf(i, size), `frame ${i}`);
        run.count('frames received afterwards');
      }
      same(((await waiting) as { readonly ok: boolean }).ok, true, 'the send that waited resolved');
      await room.store.close();
    }),
};

export const frameLaws: readonly Law<'transport'>[] = [exact, ordered, backpressure];
