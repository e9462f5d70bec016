import { fork } from 'node:child_process';
import { expect, it } from 'vitest';
import { newPlace } from './bucket.ts';
import { gateway, gatewayMissing } from './gateway.ts';

it.skipIf(gatewayMissing !== undefined).each([
  ['static', false],
  ['mutable', true],
])(`256 MB of a %s blob go in and out in less than 128 MB of memory beyond the process itself`, async (_, mutable) => {
  const order = { place: await newPlace(await gateway()), megabytes: 256, mutable };
  const child = fork(new URL('./large-blob.child.ts', import.meta.url), [JSON.stringify(order)], {
    execArgv: ['--conditions=@spacestore/source'],
  });
  const result = await new Promise<{ sizeBytes: number; peakBytes: number }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as { sizeBytes: number; peakBytes: number }));
    child.once('exit', (code) => reject(new Error(`the child ended with ${code}`)));
  });
  expect(result.sizeBytes).toBe(256 * 1024 * 1024);
  expect(result.peakBytes).toBeLessThan(128 * 1024 * 1024);
});
