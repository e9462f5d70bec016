import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { encodeClientMessage } from '@spacestore/core/sync';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { startSync, tokenOf } from './sync-harness.ts';
import { enter, greet, hello, join, ops, record } from './wire-client.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Frames a run throws at the server; the long run of CI sets 100000. */
const frames = Number(process.env.SPACESTORE_MUTATED_FRAMES ?? 2000);

it(`${frames} mutated frames leave the server up, serving others, its heap flat`, async () => {
  const { url, metric } = await startSync({ engine: 'sqlite' }); // what was stored is no leak
  const steady = await greet(url, tokenOf('bob'));
  const { ws } = await enter(steady, 'w2');
  const good = [
    hello(tokenOf('ada')),
    join('w1', ['p1', 'p2']),
    ops(1, 1, record(1), record(2, { tree: 'u' })),
    { kind: 'sub', ws: 1, sub: 1, trees: ['t' as never], cursor: null },
    { kind: 'pull', ws: 1, sub: 1, after: null, through: null },
    { kind: 'presence-up', ws: 1, key: 'k', value: { a: [1, 2, { b: 'c' }] } },
    { kind: 'auth', token: tokenOf('ada') },
    { kind: 'leave', ws: 1 },
  ].map((message) => encodeClientMessage(message as never));
  const change = fc.tuple(
    fc.constantFrom(...good),
    fc.array(fc.tuple(fc.noBias(fc.nat(999)), fc.noBias(fc.nat(255))), { maxLength: 3 }),
    fc.noBias(fc.nat(1300)),
  );
  const mutants = fc.sample(change, { seed: 77, numRuns: frames }).map(([frame, edits, keep]) => {
    const bytes = frame.slice(0, keep < 1000 ? Math.floor((frame.length * keep) / 1000) : frame.length);
    for (const [at, byte] of edits) if (bytes.length > 0) bytes[Math.floor((at * bytes.length) / 1000)] = byte;
    return bytes;
  });

  let connections = 0;
  let batch = 0;
  const heap: number[] = [];
  for (let i = 0; i < mutants.length; ) {
    const client = await greet(url, tokenOf('ada'));
    connections++;
    await enter(client, 'w1', { tail: false });
    for (; i < mutants.length && client.socket.readyState === client.socket.OPEN; i++) {
      client.sendFrame(mutants[i] as Uint8Array);
      if (i % 4 === 3) await new Promise((resolve) => setImmediate(resolve));
    }
    client.socket.terminate();
    if (connections % 20 === 0) {
      steady.send(ops(ws, ++batch, record(batch)));
      await steady.until('ack');
      collectGarbage();
      heap.push(process.memoryUsage().heapUsed);
    }
  }
  steady.send(ops(ws, ++batch, record(batch)));
  expect(await steady.until('ack')).toMatchObject({ batch });
  await expect.poll(() => metric('spacestore_sockets')).toBe(1);
  expect(connections).toBeGreaterThan(frames / 100);
  expect((heap.at(-1) ?? 0) - (heap[Math.floor(heap.length / 3)] ?? 0)).toBeLessThan(8 * 1024 * 1024);
});
