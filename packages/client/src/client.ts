import { type Clock, type Outbox, parseWorkspaceId, StoreError, type SyncTransport, systemClock, type WorkspaceId } from '@spacestore/core';
import type { ClientSessionOptions } from '@spacestore/core/sync';
import { compressions } from '#platform';
import { parseEndpoint } from './endpoint.ts';
import { type SessionDriver, sessionDriver } from './session-driver.ts';
import { webSocketTransport } from './web-socket-transport.ts';
import { type DrivenHandle, type WorkspaceHandle, type WorkspaceOptions, workspaceHandle } from './workspace-handle.ts';

export interface ClientOptions {
  /** `https://` or `wss://` of the server; without TLS only on this machine, unless `insecure`. With a `transport` of your own, its endpoint. */
  readonly url: string;
  /** Asked before each connection, and again in time where the token says when it ends. */
  readonly token: () => string | Promise<string>;
  /** Keeps what is not yet safe. Stays open: whoever made it closes it. */
  readonly outbox: Outbox;
  readonly clock?: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
  /** WebSockets if absent. */
  readonly transport?: SyncTransport;
  readonly insecure?: boolean;
  /** Waits and windows other than the usual ones. */
  readonly session?: Partial<ClientSessionOptions>;
  /** Told of failures that are tried again by themselves; the status of each workspace shows what matters to users. */
  readonly onProblem?: (error: StoreError) => void;
}

export interface SpacestoreClient {
  /** Opens a workspace; the first one connects. Throws: conflict if it is open here already, closed. */
  readonly workspace: (id: WorkspaceId, options: WorkspaceOptions) => WorkspaceHandle;
  /** Tries now: after coming online, or signing in anew. */
  readonly reconnect: () => void;
  /** Leaves no timer and no socket. What is in the outbox waits there for the next time. */
  readonly close: () => Promise<void>;
}

const usualSession: Omit<ClientSessionOptions, 'client' | 'compress'> = {
  backoffBaseMs: 500,
  backoffCapMs: 30_000,
  stableMs: 10_000,
  hopelessMs: 300_000,
  answerMs: 30_000,
  windowBatches: 64,
  windowBytes: 1024 * 1024,
  pagesAhead: 2,
  behindBytes: 8 * 1024 * 1024,
  presenceEveryMs: 50,
  renewBeforeMs: 60_000,
};

/** A client of one server: many workspaces over one connection, which it makes and keeps making. */
export function createClient(options: ClientOptions): SpacestoreClient {
  const { url, token, outbox, clock = systemClock, random = Math.random, insecure = false } = options;
  const own = options.transport === undefined;
  const endpoint = own ? parseEndpoint(url, { insecure }).ws : url;
  const transport = options.transport ?? webSocketTransport({ insecure });
  const handles = new Map<WorkspaceId, DrivenHandle>();
  let closing: Promise<void> | undefined;

  const driver: SessionDriver = sessionDriver({
    endpoint,
    token,
    transport,
    clock,
    random,
    session: { ...usualSession, client: randomId(), compress: compressions, ...options.session },
    onEffect: (effect) => handles.get(effect.workspace)?.perform(effect),
    onChange: () => {
      for (const { refresh } of handles.values()) refresh();
    },
    onProblem: options.onProblem ?? (() => undefined),
  });

  const close = async (): Promise<void> => {
    // First the line goes, so that nothing new begins; then what was begun ends.
    await driver.close();
    await Promise.all([...handles.values()].map((each) => each.close()));
    handles.clear();
    if (own) await transport.close();
  };

  return {
    workspace: (id, workspaceOptions) => {
      parseWorkspaceId(id);
      if (closing !== undefined) throw new StoreError('closed', 'the client is closed');
      if (handles.has(id)) throw new StoreError('conflict', 'this workspace is open here already', { context: { workspace: id } });
      const driven = workspaceHandle(id, workspaceOptions, outbox, driver, () => handles.delete(id));
      handles.set(id, driven);
      driver.dispatch({ kind: 'start' });
      return driven.handle;
    },
    reconnect: () => driver.dispatch({ kind: 'renew' }),
    close: () => (closing ??= close()),
  };
}

function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
