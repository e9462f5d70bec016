import type { StoreErrorCode } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ClientState } from './client-session-types.ts';

/** Where a workspace stands with its server. `unauthenticated`: the token was refused and another is waited for. */
export type Connected = 'offline' | 'connecting' | 'catching-up' | 'live' | 'unauthenticated' | StoreErrorCode;

export interface SessionStatus {
  readonly connected: Connected;
  /** Why it is not live, where a server said so. */
  readonly reason: string | null;
  /** Why nothing is being sent though there is something to send. */
  readonly held: { readonly code: StoreErrorCode; readonly message: string } | null;
  /** Records this session saw acknowledged and refused. */
  readonly acknowledged: number;
  readonly refused: number;
}

/** The truth about a workspace, from the state alone. */
export function statusOf(state: ClientState, id: WorkspaceId): SessionStatus {
  const workspace = state.workspaces.get(id);
  const sending = workspace?.sending;
  const counts = { acknowledged: sending?.acknowledged ?? 0, refused: sending?.refused ?? 0 };
  const hold = sending?.hold;
  const readOnly = workspace?.join.kind === 'in' && (workspace.join.role === 'viewer' || workspace.join.role === 'backup');
  const held = hold
    ? { code: hold.code, message: hold.message }
    : readOnly
      ? { code: 'denied' as const, message: 'this member may only read' }
      : null;
  return { ...connection(state, id), held, ...counts };
}

function connection(state: ClientState, id: WorkspaceId): Pick<SessionStatus, 'connected' | 'reason'> {
  const workspace = state.workspaces.get(id);
  if (workspace?.join.kind === 'barred') return { connected: workspace.join.code, reason: workspace.join.message };
  const { link } = state;
  switch (link.kind) {
    case 'idle':
      return { connected: 'offline', reason: null };
    case 'waiting':
      return link.why === 'unauthenticated'
        ? { connected: 'unauthenticated', reason: 'the server refused the token' }
        : { connected: 'offline', reason: link.why };
    case 'token':
    case 'connecting':
    case 'greeting':
      return { connected: 'connecting', reason: null };
    case 'open': {
      if (workspace === undefined) return { connected: 'offline', reason: null };
      if (workspace.join.kind !== 'in') return { connected: 'connecting', reason: null };
      const failed = workspace.sets.find(({ feed }) => feed.kind === 'failed')?.feed;
      if (failed?.kind === 'failed') return { connected: failed.code, reason: failed.message };
      const live = workspace.sets.every(({ feed }) => feed.kind === 'fed') && workspace.deliveries.length === 0;
      return { connected: live ? 'live' : 'catching-up', reason: null };
    }
  }
}
