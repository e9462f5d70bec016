import type { SubjectKind } from '../spec/kind.ts';
import { blobStoreRoles } from './blob-store-roles.ts';
import type { ChildRole } from './child-job.ts';
import { opStoreRoles } from './op-store-roles.ts';
import { outboxRoles } from './outbox-roles.ts';

type RoleTable = { readonly [Kind in SubjectKind]: Readonly<Record<string, ChildRole<Kind>>> };

/** What children can do, by kind of subject. */
export const roles: RoleTable = {
  'op-store': opStoreRoles,
  'blob-store': blobStoreRoles,
  'secret-store': {},
  transport: {},
  sync: {},
  outbox: outboxRoles,
  'file-index': {},
};
