import type { SyncConnection } from '@spacestore/core';
import { memoryTransport } from '@spacestore/core/memory';
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../streams.ts';

async function pair(options: Parameters<typeof memoryTransport>[0] = {}) {
  const transport = memoryTransport(options);
  const accepted: SyncConnection[] = [];
  const listener = await transport.listen((connection) => accepted.push(connection));
  const near = await transport.connect(listener.endpoint);
  return { transport, listener, near, far: accepted[0] as SyncConnection };
}

/** Whether a promise is settled once everything that can go on now has gone on. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(
    () => (done = true),
    () => (done = true),
  );
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

describe('frames in memory', () => {
  it('arrive in order, exactly, as the receiver’s own, up to the largest', async () => {
    const { near, far } = await pair({ maxFrameBytes: 100 });
    const frame = bytesOf(100);
    await Promise.all([near.send(new Uint8Array(0)), near.send(frame), near.send(bytesOf(1))]);
    frame.fill(0);
    await expect(near.send(bytesOf(101))).rejects.toMatchObject({ code: 'too_large' });
    expect([await far.receive(), await far.receive(), await far.receive()]).toEqual([bytesOf(0), bytesOf(100), bytesOf(1)]);
    const waiting = far.receive();
    await near.send(bytesOf(5));
    expect(await waiting).toEqual(bytesOf(5));
  });

  it('wait at the sender while the receiver is behind, and go on in order', async () => {
    const { near, far } = await pair({ maxFrameBytes: 10, maxBufferedBytes: 15 });
    const sends = [1, 2, 3, 4].map((seed) => near.send(bytesOf(10, seed)));
    expect(await Promise.all(sends.map(settled))).toEqual([true, true, false, false]);
    expect(near.bufferedBytes).toBe(20);
    for (const seed of [1, 2, 3, 4]) expect(await far.receive()).toEqual(bytesOf(10, seed));
    await Promise.all(sends);
    expect(near.bufferedBytes).toBe(0);
  });

  it('are all there for the other side after a close, then it has ended', async () => {
    const { near, far } = await pair();
    await near.send(bytesOf(1));
    await near.send(bytesOf(2));
    await near.close();
    await near.close();
    expect([await far.receive(), await far.receive(), await far.receive(), await far.receive()]).toEqual([
      bytesOf(1),
      bytesOf(2),
      undefined,
      undefined,
    ]);
    await expect(near.send(bytesOf(1))).rejects.toMatchObject({ code: 'closed' });
    await expect(far.send(bytesOf(1))).rejects.toMatchObject({ code: 'closed' });
    expect(await near.receive()).toBeUndefined();
  });

  it('are neither sent nor lost by who gave up waiting', async () => {
    const { near, far } = await pair({ maxFrameBytes: 10, maxBufferedBytes: 0 });
    const abort = new AbortController();
    const receiving = far.receive({ signal: abort.signal });
    abort.abort();
    await expect(receiving).rejects.toMatchObject({ code: 'aborted' });
    await near.send(bytesOf(1, 1));
    const sendAbort = new AbortController();
    const sending = near.send(bytesOf(1, 2), { signal: sendAbort.signal });
    const behind = near.send(bytesOf(1, 3));
    sendAbort.abort();
    await expect(sending).rejects.toMatchObject({ code: 'aborted' });
    expect(await far.receive()).toEqual(bytesOf(1, 1));
    expect(await far.receive()).toEqual(bytesOf(1, 3));
    await behind;
    await expect(near.send(bytesOf(1), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });

  it('refuse senders that wait when the other side closes', async () => {
    const { near, far } = await pair({ maxFrameBytes: 10, maxBufferedBytes: 0 });
    await near.send(bytesOf(1));
    const waiting = near.send(bytesOf(1));
    await far.close();
    await expect(waiting).rejects.toMatchObject({ code: 'closed' });
  });

  it('fail on a broken connection, unlike on a closed one', async () => {
    const { transport, near, far } = await pair();
    await near.send(bytesOf(1));
    const waiting = near.receive();
    transport.sever();
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' });
    await expect(far.receive()).rejects.toMatchObject({ code: 'unavailable' });
    await expect(near.send(bytesOf(1))).rejects.toMatchObject({ code: 'closed' });
  });

  it('need somebody who listens', async () => {
    const { transport, listener, far, near } = await pair();
    await expect(transport.connect('memory:99')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(transport.connect('ws://x')).rejects.toMatchObject({ code: 'invalid' });
    await expect(transport.connect(listener.endpoint, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
    await listener.close();
    expect(await far.receive()).toBeUndefined();
    expect(await near.receive()).toBeUndefined();
    await expect(transport.connect(listener.endpoint)).rejects.toMatchObject({ code: 'unavailable' });
    await transport.close();
    await expect(transport.connect(listener.endpoint)).rejects.toMatchObject({ code: 'closed' });
  });
});
