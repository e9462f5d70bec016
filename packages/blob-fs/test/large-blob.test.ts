import { fork } from 'node:child_process';
import { expect, it } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';

it('256 MB go in and out in less than 128 MB of memory', async () => {
  const args = [await temporaryFolder(), '1024'];
  const child = fork(new URL('./large-blob.child.ts', import.meta.url), args, { execArgv: ['--conditions=@spacestore/source'] });
  const result = await new Promise<{ sizeBytes: number; peakBytes: number }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as { sizeBytes: number; peakBytes: number }));
    child.once('exit', (code) => reject(new Error(`the child ended with ${code}`)));
  });
  expect(result.sizeBytes).toBe(256 * 1024 * 1024);
  expect(result.peakBytes).toBeLessThan(128 * 1024 * 1024);
});
