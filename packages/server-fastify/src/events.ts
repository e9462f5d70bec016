import type { AppendResult, ChangeHint, OpRecord, UserId, WorkspaceId } from '@spacestore/core';

/** What the service tells those who hold connections open. */
export interface ServiceListener {
  /** A role changed or went (every member's, without a user), and the log was fenced to `epoch`. Resolves when no socket of this server acts on the
   *  old role any more; the caller's reply waits for it. */
  readonly membershipChanged?: (workspace: WorkspaceId, user: UserId | undefined, epoch: number) => Promise<void>;
  /** Records were committed. A hint: the log is the truth. `origin` is what the appending caller passed, so that it knows its own. */
  readonly appended?: (workspace: WorkspaceId, records: readonly OpRecord[], result: AppendResult, origin: unknown) => void;
  /** The log was replaced by a backup: every cursor has to be judged again. */
  readonly replaced?: (workspace: WorkspaceId) => Promise<void>;
  /** Name or settings changed. */
  readonly settingsChanged?: (workspace: WorkspaceId) => void;
  /** Another server on the same stores changed something. A hint, as the log is the truth: it may be late, told twice or never. */
  readonly heard?: (hint: ChangeHint) => void;
  /** What other servers said may have been missed up to now: every head that matters has to be looked at. */
  readonly missed?: () => void;
}

export interface ServiceEvents {
  /** Tells a listener everything from now on, until the returned function is called. */
  readonly listen: (listener: ServiceListener) => () => void;
  readonly membershipChanged: (workspace: WorkspaceId, user: UserId | undefined, epoch: number) => Promise<void>;
  readonly appended: (workspace: WorkspaceId, records: readonly OpRecord[], result: AppendResult, origin: unknown) => void;
  readonly replaced: (workspace: WorkspaceId) => Promise<void>;
  readonly settingsChanged: (workspace: WorkspaceId) => void;
  readonly heard: (hint: ChangeHint) => void;
  readonly missed: () => void;
}

export function serviceEvents(): ServiceEvents {
  const listeners = new Set<ServiceListener>();
  return {
    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    membershipChanged: async (workspace, user, epoch) => {
      await Promise.all([...listeners].map(async (listener) => listener.membershipChanged?.(workspace, user, epoch)));
    },
    appended: (workspace, records, result, origin) => {
      for (const listener of listeners) listener.appended?.(workspace, records, result, origin);
    },
    replaced: async (workspace) => {
      await Promise.all([...listeners].map(async (listener) => listener.replaced?.(workspace)));
    },
    settingsChanged: (workspace) => {
      for (const listener of listeners) listener.settingsChanged?.(workspace);
    },
    heard: (hint) => {
      for (const listener of listeners) listener.heard?.(hint);
    },
    missed: () => {
      for (const listener of listeners) listener.missed?.();
    },
  };
}
