import { fork } from 'node:child_process';
import { expect, it } from 'vitest';
import { newContainer } from './support/azurite.ts';

it('256 MB go in and out in less than 128 MB of memory, beside what the client of the service is itself', async () => {
  const { connectionString, container } = await newContainer();
  const child = fork(new URL('./large-blob.child.ts', import.meta.url), [connectionString, container, '1024'], {
    execArgv: ['--conditions=@spacestore/source'],
  });
  const result = await new Promise<{ sizeBytes: number; startBytes: number; peakBytes: number }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as { sizeBytes: number; startBytes: number; peakBytes: number }));
    child.once('exit', (code) => reject(new Error(`the child ended with ${code}`)));
  });
  expect(result.sizeBytes).toBe(256 * 1024 * 1024);
  expect(result.peakBytes - result.startBytes).toBeLessThan(128 * 1024 * 1024);
});
