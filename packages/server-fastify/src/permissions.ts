import type { Role } from '@spacestore/core';

/** What a member of a workspace may want. Every route and every frame names one. */
export type Action =
  | 'read'
  | 'append'
  | 'presence'
  | 'secrets.read'
  | 'secrets.write'
  | 'files.delete'
  | 'settings.change'
  | 'members.manage'
  | 'import'
  | 'audit.read'
  | 'usage.read'
  | 'export'
  | 'backup'
  | 'restore'
  | 'transfer'
  | 'workspace.delete';

export const roles: readonly Role[] = ['owner', 'admin', 'editor', 'viewer', 'backup'];

/** Who may do what. A role that is not named is denied. `append` covers putting files and changing what they are called. */
export const permissions: Readonly<Record<Action, readonly Role[]>> = {
  read: ['owner', 'admin', 'editor', 'viewer', 'backup'],
  append: ['owner', 'admin', 'editor'],
  presence: ['owner', 'admin', 'editor', 'viewer'],
  'secrets.read': ['owner', 'admin', 'editor'],
  'secrets.write': ['owner', 'admin'],
  'files.delete': ['owner', 'admin'],
  'settings.change': ['owner', 'admin'],
  'members.manage': ['owner', 'admin'],
  import: ['owner', 'admin'],
  'audit.read': ['owner', 'admin'],
  'usage.read': ['owner', 'admin'],
  export: ['owner', 'admin', 'backup'],
  backup: ['owner', 'admin', 'backup'],
  restore: ['owner'],
  transfer: ['owner'],
  'workspace.delete': ['owner'],
};

export const actions: readonly Action[] = Object.keys(permissions) as Action[];

/** True only for what the table grants; a role or action it does not know is denied. */
export function isAllowed(role: Role, action: Action): boolean {
  return Object.hasOwn(permissions, action) && permissions[action].includes(role);
}

/** Higher stands above. A viewer and a backup account stand equally low. */
const rank: Readonly<Record<Role, number>> = { owner: 3, admin: 2, editor: 1, viewer: 0, backup: 0 };

/** True if `actor` may move somebody from one role to another (undefined: not a member). Both must stand below the actor's own,
 *  so that nobody makes an equal, unseats one, or raises themselves; ownership changes by transfer alone. */
export function mayAssign(actor: Role, from: Role | undefined, to: Role | undefined): boolean {
  if (!isAllowed(actor, 'members.manage')) return false;
  return [from, to].every((role) => role === undefined || rank[role] < rank[actor]);
}
