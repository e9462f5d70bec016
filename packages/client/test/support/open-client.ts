import type { OpRecord, Outbox } from '@spacestore/core';
import { memoryOutbox } from '@spacestore/core/memory';
import { afterEach } from 'vitest';
import { type ClientOptions, createClient, type SpacestoreClient } from '../../src/client.ts';
import type { WorkspaceHandle, WorkspaceOptions } from '../../src/workspace-handle.ts';
import type { WorkspaceStatus } from '../../src/workspace-status.ts';
import { type RealServer, tokenOf, type User, workspace } from './real-server.ts';
import { idOf } from './records.ts';

const open: SpacestoreClient[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
});

export interface OpenClient {
  readonly client: SpacestoreClient;
  readonly handle: WorkspaceHandle;
  readonly outbox: Outbox;
  /** What its app was given, by id. */
  readonly received: Map<string, OpRecord>;
}

/** Fast to come back, so that tests do not wait. */
export const quick = { backoffBaseMs: 20, backoffCapMs: 100 };

export function openClient(
  server: RealServer,
  user: User,
  workspaceOptions: WorkspaceOptions,
  options: Partial<ClientOptions> = {},
): OpenClient {
  const outbox = options.outbox ?? memoryOutbox();
  const client = createClient({ url: server.url, token: () => tokenOf(user), session: quick, ...options, outbox });
  open.push(client);
  const handle = client.workspace(workspace, workspaceOptions);
  const received = new Map<string, OpRecord>();
  handle.onRecords((records) => {
    for (const record of records) received.set(idOf(record), record);
  });
  return { client, handle, outbox, received };
}

/** Resolves once the status is as wanted. */
export function when(handle: WorkspaceHandle, wanted: (status: WorkspaceStatus) => boolean): Promise<WorkspaceStatus> {
  return new Promise((resolve) => {
    let stop: (() => void) | undefined;
    let done = false;
    stop = handle.status.subscribe((status) => {
      if (done || !wanted(status)) return;
      done = true;
      stop?.();
      resolve(status);
    });
    if (done) stop();
  });
}

/** Resolves once it holds; looks after every turn. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}
