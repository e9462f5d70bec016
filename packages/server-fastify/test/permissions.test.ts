import type { Role } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { actions, isAllowed, mayAssign, roles } from '../src/permissions.ts';

// The table of the security page, written out by hand once more: o owner, a admin, e editor, v viewer, b backup.
const table: Record<string, string> = {
  read: 'oaevb',
  append: 'oae',
  presence: 'oaev',
  'secrets.read': 'oae',
  'secrets.write': 'oa',
  'files.delete': 'oa',
  'settings.change': 'oa',
  'members.manage': 'oa',
  import: 'oa',
  'audit.read': 'oa',
  'usage.read': 'oa',
  export: 'oab',
  backup: 'oab',
  restore: 'o',
  transfer: 'o',
  'workspace.delete': 'o',
};

describe('permissions', () => {
  it('are the table, action by action and role by role', () => {
    expect([...actions].sort()).toEqual(Object.keys(table).sort());
    for (const action of actions)
      for (const role of roles)
        expect([action, role, isAllowed(role, action)]).toEqual([action, role, table[action]?.includes(role[0] as string)]);
  });

  it('deny what the table does not know', () => {
    for (const action of ['toString', '__proto__', 'constructor', '', 'READ']) expect(isAllowed('owner', action as never)).toBe(false);
    for (const role of ['root', '', '__proto__', undefined])
      for (const action of actions) expect(isAllowed(role as never, action)).toBe(false);
  });

  it('let a role be given and taken only below the own one', () => {
    const below: Record<Role, readonly Role[]> = {
      owner: ['admin', 'editor', 'viewer', 'backup'],
      admin: ['editor', 'viewer', 'backup'],
      editor: [],
      viewer: [],
      backup: [],
    };
    for (const actor of roles)
      for (const from of [...roles, undefined])
        for (const to of [...roles, undefined]) {
          const manages = actor === 'owner' || actor === 'admin';
          const expected = manages && [from, to].every((role) => role === undefined || below[actor].includes(role));
          expect([actor, from, to, mayAssign(actor, from, to)]).toEqual([actor, from, to, expected]);
        }
  });
});
