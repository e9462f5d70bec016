import { signedStatements } from './keys/signed-statement.ts';
import { activity } from './service/activity.ts';
import { type AuditTrail, auditTrail } from './service/audit-trail.ts';
import { type Backup, backup } from './service/backup.ts';
import { type DirectFiles, directFiles } from './service/direct-files.ts';
import { fences } from './service/fences.ts';
import { fileEntries } from './service/file-entries.ts';
import { fileLinks } from './service/file-links.ts';
import { fileQuota } from './service/file-quota.ts';
import { type FileSweep, fileSweep } from './service/file-sweep.ts';
import { type Files, files } from './service/files.ts';
import { type Gate, gate } from './service/gate.ts';
import { heedOthers } from './service/heed-others.ts';
import { logSizes } from './service/log-size.ts';
import { type Members, members } from './service/members.ts';
import { type Operations, operations } from './service/operations.ts';
import { peerBindings } from './service/peer-bindings.ts';
import { type PendingFiles, pendingFiles } from './service/pending-files.ts';
import { type Refusals, refusals } from './service/refusals.ts';
import { type Secrets, secrets } from './service/secrets.ts';
import { type StoredBackups, storedBackups } from './service/stored-backups.ts';
import type { ServiceParts } from './service/stores.ts';
import { type Transfer, transfer } from './service/transfer.ts';
import { type UsageReport, usageReport } from './service/usage.ts';
import { type Workspaces, workspaces } from './service/workspaces.ts';

/** What the server does, without a wire: HTTP routes and sockets are two ways to call it. */
export interface Services {
  readonly gate: Gate;
  readonly workspaces: Workspaces;
  readonly members: Members;
  readonly operations: Operations;
  readonly files: Files;
  readonly direct: DirectFiles;
  readonly sweep: FileSweep;
  /** For maintenance: no route leads here. */
  readonly pending: PendingFiles;
  readonly secrets: Secrets;
  readonly transfer: Transfer;
  readonly backup: Backup;
  readonly backups: StoredBackups;
  readonly audit: AuditTrail;
  readonly usage: UsageReport;
  readonly refusals: Refusals;
}

export function createServices(stores: ServiceParts): Services {
  const refused = refusals(stores);
  const fenced = fences(stores);
  const quota = fileQuota(stores);
  const entries = fileEntries({ ...stores, quota });
  const parts = {
    ...stores,
    quota,
    entries,
    pending: pendingFiles({ ...stores, quota, entries }),
    refusals: refused,
    fences: fenced,
    sizes: logSizes(stores.ops),
    activity: activity(),
    gate: gate(stores, fenced, refused),
  };
  heedOthers(parts);
  const ops = operations({ ...parts, peers: peerBindings(stores) });
  const service = files(parts);
  const copies = backup(parts);
  return {
    gate: parts.gate,
    workspaces: workspaces(parts),
    members: members(parts),
    operations: ops,
    files: service,
    direct: directFiles({ ...parts, service, links: fileLinks(stores.keys, stores) }),
    sweep: fileSweep(parts),
    pending: parts.pending,
    secrets: secrets(parts),
    transfer: transfer({ ...parts, operations: ops }),
    backup: copies,
    backups: storedBackups({ ...parts, backup: copies, signer: signedStatements(stores.keys, 'backup') }),
    audit: auditTrail(parts),
    usage: usageReport(parts),
    refusals: refused,
  };
}
