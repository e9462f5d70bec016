import type { Role, UserId, WorkspaceId } from '@spacestore/core';

/** What a token takes away from its user's rights; it can never add any. */
export interface TokenScopes {
  /** Only these workspaces; all if absent. */
  readonly workspaces?: readonly WorkspaceId[];
  /** Acts at most with this role's rights. */
  readonly role?: Role;
}

/** Who calls, as the verified token says. */
export interface Identity {
  readonly user: UserId;
  /** Milliseconds since 1970; a connection ends then unless it authenticates again. */
  readonly expiresAt?: number;
  readonly scopes?: TokenScopes;
}

/** Turns a token into an identity. Throws: unauthenticated (never saying which check failed), unavailable (keys could not be fetched). */
export interface Authenticator {
  readonly verify: (token: string) => Promise<Identity>;
}

/** Longest token looked at, in characters. */
export const maxTokenLength = 4096;
