import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStores } from '@spacestore/adapter-sqlite';
import { type Directory, type OpStore, parseBlobRoot, parseUserId, parseWorkspaceId, type Role } from '@spacestore/core';
import { type MemoryHintPlace, memoryBlobStore, memoryChangeHints, memoryOpStore, memorySecretStore } from '@spacestore/core/memory';
import { afterEach } from 'vitest';
import type { Authenticator } from '../../src/auth/identity.ts';
import { staticTokens } from '../../src/auth/static-tokens.ts';
import { createServer, type SpacestoreServer } from '../../src/create-server.ts';
import type { Limits } from '../../src/limits.ts';
import type { Stores } from '../../src/service/stores.ts';
import { attachSyncWith, type SyncOptions } from '../../src/sync/attach-sync.ts';

const users = ['owner', 'ada', 'bob', 'viewer', 'stranger'] as const;
type User = (typeof users)[number];

export const tokenOf = (user: string): string => `token-of-${user}`;
const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

export interface SyncHarness {
  readonly server: SpacestoreServer;
  readonly ops: OpStore;
  readonly directory: Directory;
  readonly url: string;
  /** The server's clock, moved by the test alone. */
  readonly clock: { value: number };
  readonly setRole: (workspace: string, user: User, role: Role | undefined) => Promise<void>;
  readonly metric: (name: string) => Promise<number>;
  /** Another server on the same stores. */
  readonly beside: (sync?: Partial<SyncOptions>) => Promise<Pick<SyncHarness, 'server' | 'url' | 'metric' | 'setRole'>>;
}

export interface HarnessOptions {
  readonly engine?: 'memory' | 'sqlite';
  readonly wrap?: (ops: OpStore) => OpStore;
  readonly auth?: Authenticator;
  readonly limits?: Partial<Limits>;
  readonly sync?: Partial<SyncOptions>;
  readonly origins?: readonly string[];
  /** Where servers on the same stores hear of each other. */
  readonly hints?: MemoryHintPlace;
}

/** A listening server with workspaces `w1` and `w2`; owner, ada and bob write in both, viewer reads. Its clock stands still unless moved. */
export async function startSync({
  engine = 'memory',
  wrap = (ops) => ops,
  auth,
  limits,
  sync,
  origins,
  hints,
}: HarnessOptions = {}): Promise<SyncHarness> {
  const clock = { value: 1_700_000_000_000 };
  const now = { now: () => clock.value };
  const dir = await mkdtemp(join(tmpdir(), 'spacestore-sync-'));
  endings.push(() => rm(dir, { recursive: true, force: true }));
  const sqlite = sqliteStores({ dir, clock: now });
  const ops = wrap(engine === 'sqlite' ? sqlite.ops : memoryOpStore({ clock: now }));
  const stores: Stores = {
    ops,
    blobs: memoryBlobStore({ clock: now }),
    files: sqlite.files,
    secrets: memorySecretStore(),
    directory: sqlite.directory,
  };
  const owner = parseUserId('owner');
  const open = async (settings: Partial<SyncOptions> = {}) => {
    const server = await createServer({
      ...stores,
      ...(hints && { hints: memoryChangeHints({ place: hints }) }),
      auth:
        auth ??
        staticTokens(
          users.map((user) => ({
            sha256: createHash('sha256').update(tokenOf(user)).digest('hex'),
            identity: { user: parseUserId(user) },
          })),
        ),
      clock: now,
      limits: { eventLoopDelayMs: 0, ...limits },
      sync: attachSyncWith({ tickMs: 5, pollMs: 0, reconnectSpreadMs: 100, drainMs: 1000, ...settings }),
      ...(origins && { origins }),
    });
    endings.push(() => server.close());
    const address = await server.listen();
    const { gate, members } = server.services;
    return {
      server,
      url: `${address.replace('http', 'ws')}/v1/sync`,
      setRole: async (workspace: string, user: User, role: Role | undefined) => {
        const grant = await gate.authorize({ user: owner }, parseWorkspaceId(workspace), 'members.manage');
        await members.set(grant, parseUserId(user), role);
      },
      metric: async (name: string) => {
        const all = (await server.metrics.registry.getMetricsAsJSON()) as { name: string; values: { value: number }[] }[];
        return all.find((each) => each.name === name)?.values[0]?.value ?? Number.NaN;
      },
    };
  };
  for (const id of ['w1', 'w2']) {
    const workspace = parseWorkspaceId(id);
    const blobRoot = parseBlobRoot(`owner/${id}`);
    await sqlite.directory.create({ id: workspace, name: id, owner, codec: 'opaque', blobRoot, settings: { relay: true, app: {} } });
    await ops.fence(workspace, 1);
    for (const [user, role] of [
      ['ada', 'editor'],
      ['bob', 'editor'],
      ['viewer', 'viewer'],
    ] as const)
      await sqlite.directory.setMember(workspace, parseUserId(user), role);
  }
  return { ...(await open(sync)), ops, directory: sqlite.directory, clock, beside: open };
}
