import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readKillPoints } from '../src/world/kill-points.ts';

const trace = `
10 write(1, "ready\\n", 6) = 6
10 pwrite64(20, ""..., 4096, 0) = 4096
11 pwrite64(21, ""..., 4096, 0 <unfinished ...>
11 pwrite64(21, ""..., 4096, 4096) = 4096
10 fsync(20) = 0
10 write(1, "ack 0 1 2\\n", 10) = 10
10 pwrite64(20, ""..., 4096, 0) = 4096
10 pwrite64(20, ""..., 4096, 0) = 4096
10 fsync(20 <unfinished ...>
10 <... fsync resumed>) = 0
10 write(1, "ack 1 2 3\\n", 10) = 10
10 pwrite64(20, ""..., 4096, 0) = 4096
10 unlink("journal") = 0
`;

test('points to kill at lie where the first thread reaches a count of a call, between the first and the last acknowledgement', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'spacestore-'));
  await writeFile(join(dir, 'trace'), trace);
  expect(await readKillPoints(join(dir, 'trace'))).toEqual({
    // Thread 11 had made two pwrites before, so that a kill at the second one would land there, before anything was acknowledged.
    amongAcks: [
      { call: 'pwrite64', n: 3 },
      { call: 'fsync', n: 2 },
      { call: 'write', n: 3 },
    ],
    beforeAcks: [
      { call: 'write', n: 1 },
      { call: 'pwrite64', n: 1 },
      { call: 'pwrite64', n: 2 },
      { call: 'fsync', n: 1 },
      { call: 'write', n: 2 },
    ],
  });
  await rm(dir, { recursive: true });
});
