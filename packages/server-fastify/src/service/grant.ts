import { type Role, StoreError, type UserId, type WorkspaceEntry, type WorkspaceId } from '@spacestore/core';
import type { Identity } from '../auth/identity.ts';
import { type Action, isAllowed } from '../permissions.ts';

/** What was read of a membership at one moment. An append carries its epoch, so that a grant that has become old is refused by the log itself. */
export interface Grant {
  readonly identity: Identity;
  readonly user: UserId;
  readonly workspace: WorkspaceId;
  readonly role: Role;
  readonly epoch: number;
  readonly entry: WorkspaceEntry;
}

/** True if both the membership and the token's own scope allow it. */
export function allows(grant: Grant, action: Action): boolean {
  const cap = grant.identity.scopes?.role;
  return isAllowed(grant.role, action) && (cap === undefined || isAllowed(cap, action));
}

/** True unless the token is bound to other workspaces. */
export function inScope(identity: Identity, workspace: WorkspaceId): boolean {
  return identity.scopes?.workspaces?.includes(workspace) ?? true;
}

/** The one answer for a workspace that does not exist, is being deleted, or is none of the caller's business. */
export function noSuchWorkspace(): StoreError {
  return new StoreError('not_found', 'no such workspace');
}

/** The answer for a member who may not do this. */
export function notAllowed(action: Action): StoreError {
  return new StoreError('denied', 'your role does not allow this', { context: { action } });
}
