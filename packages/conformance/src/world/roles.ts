import type { SubjectKind } from '../spec/kind.ts';
import type { ChildRole } from './child-job.ts';
import { opStoreRoles } from './op-store-roles.ts';

type RoleTable = { readonly [Kind in SubjectKind]: Readonly<Record<string, ChildRole<Kind>>> };

/** What children can do, by kind of subject. */
export const roles: RoleTable = {
  'op-store': opStoreRoles,
  'blob-store': {},
  'secret-store': {},
  transport: {},
  sync: {},
  outbox: {},
};
