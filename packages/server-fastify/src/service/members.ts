import { type CallOptions, type ListQuery, type Membership, type Page, type Role, StoreError, type UserId } from '@spacestore/core';
import { mayAssign } from '../permissions.ts';
import type { Fences } from './fences.ts';
import type { Gate } from './gate.ts';
import { type Grant, noSuchWorkspace } from './grant.ts';
import type { ServiceParts } from './stores.ts';

/** Who belongs to a workspace. A change has taken hold when its call resolves: it is in the directory, the log is fenced for every server, this one's sockets
 *  are closed. Other servers close theirs as soon as they hear of it, or look at the head. */
export interface Members {
  readonly list: (grant: Grant, query: ListQuery, call?: CallOptions) => Promise<Page<Membership>>;
  /** Gives a role, or takes it (undefined). Throws: denied unless both the old and the new role stand below the caller's; conflict if `ifRole` is not the present one. */
  readonly set: (
    grant: Grant,
    user: UserId,
    role: Role | undefined,
    options?: { readonly ifRole?: Role | 'none' },
    call?: CallOptions,
  ) => Promise<{ readonly epoch: number }>;
  /** Makes another member the owner; the caller becomes an admin. Throws: not_found if they are no member, quota if they own too many. */
  readonly transfer: (grant: Grant, to: UserId, call?: CallOptions) => Promise<{ readonly epoch: number }>;
}

export interface MembersParts extends Pick<ServiceParts, 'directory' | 'events' | 'limits'> {
  readonly gate: Gate;
  readonly fences: Fences;
}

export function members({ directory, events, limits, gate, fences }: MembersParts): Members {
  /** Directory first, then the fence, then the sockets, then the reply: from the fence on no server takes an append under the old roles. */
  const takeHold = async (grant: Grant, epoch: number, changed: readonly UserId[]): Promise<void> => {
    const entry = await directory.get(grant.workspace);
    if (entry?.state !== 'active') throw noSuchWorkspace();
    try {
      await fences.renew(entry.epoch >= epoch ? entry : { ...entry, epoch });
    } finally {
      // Also if the log could not be fenced now (the next look at the workspace makes that good): nobody reads on under an old role.
      for (const user of changed) await events.membershipChanged(grant.workspace, user, epoch);
    }
  };
  const audit = (grant: Grant, action: string, detail: Readonly<Record<string, unknown>>): Promise<void> =>
    directory.audit({ workspace: grant.workspace, user: grant.user, action, outcome: 'done', detail });
  const roleOf = async (grant: Grant, user: UserId, call?: CallOptions): Promise<Role | undefined> =>
    (await directory.membership(grant.workspace, user, call))?.role;

  return {
    list: async (grant, query, call) => {
      await gate.require(grant, 'members.manage');
      return directory.members(grant.workspace, { ...query, limit: Math.min(query.limit, limits.pageRecords) }, call);
    },
    set: async (grant, user, role, options = {}, call) => {
      await gate.require(grant, 'members.manage');
      const present = await roleOf(grant, user, call);
      if (options.ifRole !== undefined && options.ifRole !== (present ?? 'none'))
        throw new StoreError('conflict', 'the member has another role now', { context: { user, role: present ?? 'none' } });
      if (!mayAssign(grant.role, present, role))
        return gate.refuse(grant, 'members.manage', { member: user, from: present ?? 'none', to: role ?? 'none' });
      if (present === role) return { epoch: grant.epoch };
      // Compared again inside the directory's transaction: what was allowed was allowed for this change alone.
      const epoch = await directory.setMember(grant.workspace, user, role, { ifRole: present ?? 'none' }, call);
      await takeHold(grant, epoch, [user]);
      await audit(grant, 'members.set', { member: user, from: present ?? 'none', to: role ?? 'none' });
      return { epoch };
    },
    transfer: async (grant, to, call) => {
      await gate.require(grant, 'transfer');
      if ((await roleOf(grant, to, call)) === undefined) throw new StoreError('not_found', 'no such member', { context: { user: to } });
      if (to === grant.user) return { epoch: grant.epoch };
      if ((await directory.countOwned(to, call)) >= limits.workspacesPerOwner)
        throw new StoreError('quota', 'the new owner has as many workspaces as one may have', {
          context: { max: limits.workspacesPerOwner },
        });
      const epoch = await directory.transfer(grant.workspace, to, call);
      await takeHold(grant, epoch, [grant.user, to]);
      await audit(grant, 'workspace.transfer', { to });
      return { epoch };
    },
  };
}
