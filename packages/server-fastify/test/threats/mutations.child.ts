// Throws frames or HTTP bodies at a server in this process, mutated or as they should be, and reports what the heap holds after collections of
// garbage. Run with --expose-gc: mutations.child.ts <frames|bodies> <mutated|control> <count>
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStores } from '@spacestore/adapter-sqlite';
import { folderBlobStore } from '@spacestore/blob-fs';
import { parseUserId } from '@spacestore/core';
import { memorySecretStore } from '@spacestore/core/memory';
import { staticTokens } from '../../src/auth/static-tokens.ts';
import { createServer } from '../../src/create-server.ts';
import { attachSyncWith } from '../../src/sync/attach-sync.ts';
import { throwBodies } from './mutated-bodies.ts';
import { throwFrames } from './mutated-frames.ts';
import type { MutationReport, Target } from './mutation-target.ts';

const parts = 16;
const [what, how, text] = process.argv.slice(2);
const count = Number(text);
const collect = globalThis.gc as () => void;
const dir = await mkdtemp(join(tmpdir(), 'spacestore-mutations-'));
const now = { now: () => 1_700_000_000_000 };
const many = Number.MAX_SAFE_INTEGER;
const tokenOf = (user: string): string => `token-of-${user}`;
const stores = sqliteStores({ dir: join(dir, 'data'), clock: now }); // what was stored is no leak
const server = await createServer({
  ops: stores.ops,
  blobs: await folderBlobStore({ dir: join(dir, 'files'), fsync: false }),
  files: stores.files,
  secrets: memorySecretStore(),
  directory: stores.directory,
  auth: staticTokens(
    ['owner', 'bob'].map((user) => ({
      sha256: createHash('sha256').update(tokenOf(user)).digest('hex'),
      identity: { user: parseUserId(user) },
    })),
  ),
  clock: now,
  limits: {
    eventLoopDelayMs: 0,
    workspacesPerOwner: 4,
    requestsPerMinutePerAddress: many,
    requestsPerMinutePerUser: many,
  },
  sync: attachSyncWith({ tickMs: 5, pollMs: 0, reconnectSpreadMs: 100, drainMs: 1000 }),
});

const heap: number[] = [];
let thrown = 0;
const target: Target = {
  server,
  tokenOf,
  count,
  mutate: how === 'mutated',
  thrown: async () => {
    if (++thrown % Math.floor(count / parts) > 0) return;
    // Twice, with a turn between: what a finalizer holds goes only then.
    collect();
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    heap.push(process.memoryUsage().heapUsed);
  },
};
const answers = await (what === 'frames' ? throwFrames(target) : throwBodies(target));
await server.close();
await rm(dir, { recursive: true });
process.send?.({ heap, answers } satisfies MutationReport);
