import { type CallOptions, hasCode, type WorkspaceId } from '@spacestore/core';
import type { Identity } from '../auth/identity.ts';
import type { Action } from '../permissions.ts';
import type { Fences } from './fences.ts';
import { allows, type Grant, inScope, noSuchWorkspace, notAllowed } from './grant.ts';
import type { Refusals } from './refusals.ts';
import type { ServiceParts } from './stores.ts';

/** The one place where it is decided who may do what. */
export interface Gate {
  /** A grant for an action, read now; the log is fenced to the epoch it was read under, but for what mends a lost log.
   *  Throws: not_found, alike for a stranger and for a workspace that does not exist; denied for a member whose role is too low;
   *  corrupt if the workspace has lost its log. */
  readonly authorize: (identity: Identity, workspace: WorkspaceId, action: Action, call?: CallOptions) => Promise<Grant>;
  /** Throws: denied, unless the grant covers the action too. */
  readonly require: (grant: Grant, action: Action) => Promise<void>;
  /** Writes down the refusal and throws it: denied. For rules that are finer than the table. */
  readonly refuse: (grant: Grant, action: Action, detail: Readonly<Record<string, unknown>>) => Promise<never>;
  /** The grant as the directory has it now. Throws as `authorize`. */
  readonly refresh: (grant: Grant, action: Action, call?: CallOptions) => Promise<Grant>;
}

/** What an owner can do about a workspace that has lost its log: it must not ask for one. */
const remedies: ReadonlySet<Action> = new Set<Action>(['restore', 'workspace.delete']);

export function gate(parts: Pick<ServiceParts, 'directory'>, fences: Fences, refusals: Refusals): Gate {
  const read = async (identity: Identity, workspace: WorkspaceId, call?: CallOptions): Promise<Grant> => {
    const membership = await parts.directory.membership(workspace, identity.user, call);
    if (membership === undefined || membership.entry.state !== 'active' || !inScope(identity, workspace)) throw noSuchWorkspace();
    const { role, epoch, entry } = membership;
    return { identity, user: identity.user, workspace, role, epoch, entry: entry.epoch === epoch ? entry : { ...entry, epoch } };
  };
  const refuse: Gate['refuse'] = async (grant, action, detail) => {
    await refusals.record({
      workspace: grant.workspace,
      user: grant.user,
      action,
      code: 'denied',
      detail: { role: grant.role, ...detail },
    });
    throw notAllowed(action);
  };
  const require = async (grant: Grant, action: Action): Promise<void> => {
    if (!allows(grant, action)) await refuse(grant, action, {});
  };
  const authorize = async (identity: Identity, workspace: WorkspaceId, action: Action, call?: CallOptions): Promise<Grant> => {
    try {
      const grant = await read(identity, workspace, call);
      await require(grant, action);
      if (!remedies.has(action)) await fences.ensure(grant.entry, call);
      return grant;
    } catch (error) {
      if (hasCode(error, 'not_found')) await refusals.record({ workspace, user: identity.user, action, code: 'not_found' });
      throw error;
    }
  };
  return {
    authorize,
    require,
    refuse,
    refresh: async (grant, action, call) => {
      const fresh = await authorize(grant.identity, grant.workspace, action, call);
      await fences.renew(fresh.entry, call);
      return fresh;
    },
  };
}
