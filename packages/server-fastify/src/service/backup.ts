import type { ByteSource, CallOptions, Head } from '@spacestore/core';
import type { Activity } from './activity.ts';
import { type Fences, logLost } from './fences.ts';
import type { Gate } from './gate.ts';
import { type Grant, noSuchWorkspace } from './grant.ts';
import type { LogSizes } from './log-size.ts';
import type { PendingFiles } from './pending-files.ts';
import type { ServiceParts } from './stores.ts';
import { type Upload, uploadSource } from './upload.ts';

export interface Backup {
  /** The workspace as bytes, a consistent state of one moment, while writes go on. */
  readonly take: (grant: Grant, call?: CallOptions) => Promise<ByteSource>;
  /** Replaces the workspace by a backup, under a new history; all or nothing. Throws: corrupt, invalid (of another workspace), too_large. */
  readonly restore: (grant: Grant, upload: Upload, call?: CallOptions) => Promise<Head>;
  /** The same from bytes that can be read again; `detail` says in the audit which ones. */
  readonly restoreFrom: (grant: Grant, source: ByteSource, detail: Readonly<Record<string, unknown>>, call?: CallOptions) => Promise<Head>;
}

export interface BackupParts extends Pick<ServiceParts, 'ops' | 'directory' | 'events' | 'limits'> {
  readonly gate: Gate;
  readonly fences: Fences;
  readonly sizes: LogSizes;
  readonly activity: Activity;
  readonly pending: PendingFiles;
}

export function backup({ ops, directory, events, limits, gate, fences, sizes, activity, pending }: BackupParts): Backup {
  const audit = (grant: Grant, action: string, detail: Readonly<Record<string, unknown>>): Promise<void> =>
    directory.audit({ workspace: grant.workspace, user: grant.user, action, outcome: 'done', detail });
  const restoreFrom: Backup['restoreFrom'] = async (grant, source, detail, call) => {
    await gate.require(grant, 'restore');
    // A restore that was refused is worth a row as well, so the attempt is written first.
    await audit(grant, 'restore.begin', detail);
    const head = await ops.restore(grant.workspace, source, call);
    sizes.forget(grant.workspace);
    const entry = await directory.get(grant.workspace);
    if (entry?.state !== 'active') throw noSuchWorkspace();
    await fences.renew(entry);
    // The index is the backup's now: its unfinished uploads are long over, and what its files take was counted for others.
    await pending.settleAll(entry);
    await pending.recount(entry.id);
    await events.replaced(grant.workspace);
    await audit(grant, 'restore', { ...detail, incarnation: head.incarnation, records: head.records });
    return head;
  };
  return {
    take: async (grant, call) => {
      await gate.require(grant, 'backup');
      const snapshot = await ops.snapshot(grant.workspace, call);
      if (!snapshot) throw logLost();
      await audit(grant, 'backup', { ...(snapshot.sizeBytes !== undefined && { sizeBytes: snapshot.sizeBytes }) });
      return snapshot;
    },
    restore: (grant, upload, call) =>
      activity.run(grant.workspace, call?.signal, (signal) =>
        restoreFrom(grant, uploadSource(upload, limits.restoreBytes, signal), {}, { signal }),
      ),
    restoreFrom: (grant, source, detail, call) =>
      activity.run(grant.workspace, call?.signal, (signal) => restoreFrom(grant, source, detail, { signal })),
  };
}
