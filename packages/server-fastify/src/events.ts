import type { AppendResult, OpRecord, UserId, WorkspaceId } from '@spacestore/core';

/** What the service tells those who hold connections open. */
export interface ServiceListener {
  /** A role changed or went (every member's, without a user). Resolves when no socket acts on the old role any more; the caller's reply waits for it. */
  readonly membershipChanged?: (workspace: WorkspaceId, user: UserId | undefined) => Promise<void>;
  /** Records were committed. A hint: the log is the truth. `origin` is what the appending caller passed, so that it knows its own. */
  readonly appended?: (workspace: WorkspaceId, records: readonly OpRecord[], result: AppendResult, origin: unknown) => void;
  /** The log was replaced by a backup: every cursor has to be judged again. */
  readonly replaced?: (workspace: WorkspaceId) => Promise<void>;
  /** Name or settings changed. */
  readonly settingsChanged?: (workspace: WorkspaceId) => void;
}

export interface ServiceEvents {
  /** Tells a listener everything from now on, until the returned function is called. */
  readonly listen: (listener: ServiceListener) => () => void;
  readonly membershipChanged: (workspace: WorkspaceId, user?: UserId) => Promise<void>;
  readonly appended: (workspace: WorkspaceId, records: readonly OpRecord[], result: AppendResult, origin: unknown) => void;
  readonly replaced: (workspace: WorkspaceId) => Promise<void>;
  readonly settingsChanged: (workspace: WorkspaceId) => void;
}

export function serviceEvents(): ServiceEvents {
  const listeners = new Set<ServiceListener>();
  return {
    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    membershipChanged: async (workspace, user) => {
      await Promise.all([...listeners].map(async (listener) => listener.membershipChanged?.(workspace, user)));
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
  };
}
