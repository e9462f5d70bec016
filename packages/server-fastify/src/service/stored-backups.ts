import {
  type BlobRoot,
  type ByteSource,
  bytesSource,
  type CallOptions,
  drainSource,
  eachItem,
  type Head,
  hasCode,
  parseBlobRoot,
  readAll,
  StoreError,
  staticKey,
  type WorkspaceEntry,
} from '@spacestore/core';
import type { SignedStatements } from '../keys/signed-statement.ts';
import type { Activity } from './activity.ts';
import type { Backup } from './backup.ts';
import {
  type BackupCatalogue,
  type BackupManifest,
  catalogueKey,
  decodeCatalogue,
  encodeCatalogue,
  manifestDigest,
  maxCatalogueBytes,
  snapshotKey,
} from './backup-catalogue.ts';
import { logLost } from './fences.ts';
import type { Gate } from './gate.ts';
import type { Grant } from './grant.ts';
import type { ServiceParts } from './stores.ts';

/** Backups of workspaces in the blob store, beside their files: snapshots that never change, and a signed catalogue that names the last ones. */
export interface StoredBackups {
  /** The workspace as it is at one moment is in the blob store, and older backups than the setting keeps are gone. Resolves with its manifest. */
  readonly store: (grant: Grant, call?: CallOptions) => Promise<BackupManifest>;
  /** Oldest first. Throws: corrupt, if the catalogue is not this server's; never empty because it could not be read. */
  readonly list: (grant: Grant, call?: CallOptions) => Promise<readonly BackupManifest[]>;
  /** Replaces the workspace by a backup, the newest if no sequence is given, under a new history.
   *  Throws: not_found (no such backup), corrupt (not whole, not of this workspace, or the catalogue is an older one than the audit knows). */
  readonly restore: (grant: Grant, sequence: number | undefined, call?: CallOptions) => Promise<Head>;
  /** What of a workspace's backups is not as it should be, in words. For maintenance. */
  readonly verify: (entry: WorkspaceEntry) => Promise<readonly string[]>;
}

export interface StoredBackupsParts extends Pick<ServiceParts, 'ops' | 'blobs' | 'directory' | 'limits' | 'clock'> {
  readonly gate: Gate;
  readonly activity: Activity;
  readonly backup: Backup;
  readonly signer: SignedStatements;
}

/** A snapshot that no catalogue names, and that is older than this, was left behind by a crash. */
const abandonedMs = 24 * 3600 * 1000;
const maxTries = 5;
const storeAction = 'backup.store';

/** A root of its own below the workspace's: files of the workspace are never mistaken for its backups. */
export function backupRoot({ blobRoot }: Pick<WorkspaceEntry, 'blobRoot'>): BlobRoot {
  return parseBlobRoot(`${blobRoot}/backup`);
}

export function storedBackups(parts: StoredBackupsParts): StoredBackups {
  const { ops, blobs, directory, limits, clock, gate, activity, backup, signer } = parts;

  /** Undefined only where the store says that there is nothing: every failure to look is thrown. */
  const read = async (
    entry: WorkspaceEntry,
    call?: CallOptions,
  ): Promise<{ readonly catalogue: BackupCatalogue; readonly version: string } | undefined> => {
    const content = await blobs.get(backupRoot(entry), catalogueKey, {}, call);
    if (!content) return undefined;
    const catalogue = await decodeCatalogue(await readAll(content.body, maxCatalogueBytes), entry.id, signer);
    return { catalogue, version: content.info.version };
  };

  const add = async (
    { workspace, user, entry }: Grant,
    made: Pick<BackupManifest, 'takenAt' | 'snapshot' | 'log' | 'files'>,
  ): Promise<{ readonly manifest: BackupManifest; readonly catalogue: BackupCatalogue }> => {
    for (let tries = 1; tries <= maxTries; tries++) {
      const present = await read(entry);
      const last = present?.catalogue.backups.at(-1);
      const manifest = {
        ...made,
        takenBy: user,
        sequence: (last?.sequence ?? 0) + 1,
        ...(last && { previous: manifestDigest(last) }),
      };
      const { id, name, owner, codec, createdAt } = entry;
      const catalogue: BackupCatalogue = {
        format: 1,
        workspace: { id, name, owner, codec, createdAt },
        backups: [...(present?.catalogue.backups ?? []), manifest].slice(-Math.max(1, limits.backupsKept)),
      };
      const condition = present ? { ifMatch: present.version } : { ifNoneMatch: '*' as const };
      try {
        await blobs.put(backupRoot(entry), catalogueKey, bytesSource(await encodeCatalogue(catalogue, signer)), {
          ...condition,
          contentType: 'application/json',
        });
        return { manifest, catalogue };
      } catch (error) {
        if (!hasCode(error, 'conflict')) throw error; // another backup came in between: after it
      }
    }
    throw new StoreError('busy', 'other backups of the workspace are made all the time', { context: { workspace } });
  };

  /** Snapshots that the catalogue does not name any more, and those that never got into it. One that a concurrent backup just put is young. */
  const prune = async (entry: WorkspaceEntry, before: BackupCatalogue | undefined, now: BackupCatalogue): Promise<void> => {
    const root = backupRoot(entry);
    const kept = new Set(now.backups.map(snapshotKey));
    for (const dropped of before?.backups ?? []) if (!kept.has(snapshotKey(dropped))) await blobs.delete(root, snapshotKey(dropped));
    for await (const { key, modifiedAt } of eachItem((query) => blobs.list(root, { ...query, kind: 'static' })))
      if (!kept.has(key) && modifiedAt < clock.now() - abandonedMs) await blobs.delete(root, key);
  };

  /** The newest backup that this directory knows of, for this life of the workspace. */
  const lastAudited = async ({ id, createdAt }: WorkspaceEntry): Promise<{ sequence: number; digest: unknown } | undefined> => {
    let last: { sequence: number; digest: unknown } | undefined;
    for await (const { action, outcome, detail } of eachItem((query) => directory.auditLog({ ...query, workspace: id })))
      if (action === storeAction && outcome === 'done' && detail.since === createdAt)
        last = { sequence: Number(detail.sequence), digest: detail.digest };
    return last;
  };

  const checkNotRolledBack = async (entry: WorkspaceEntry, newest: BackupManifest): Promise<void> => {
    const known = await lastAudited(entry);
    if (!known || newest.sequence > known.sequence) return;
    if (newest.sequence < known.sequence || manifestDigest(newest) !== known.digest)
      throw new StoreError(
        'corrupt',
        'the catalogue of backups is an older one than this server wrote: name a backup by its sequence if you want it',
        {
          context: { newest: newest.sequence, written: known.sequence },
        },
      );
  };

  return {
    store: async (grant, call) => {
      await gate.require(grant, 'backup');
      const { entry, workspace, user } = grant;
      return activity.run(workspace, call?.signal, async (signal) => {
        const before = await read(entry, { signal }); // one that can't be trusted is found before anything is written
        const takenAt = clock.now();
        const [head, files] = [await ops.head(workspace, { signal }), await directory.usage(workspace, { signal })];
        const source = await ops.snapshot(workspace, { signal });
        if (!head || !source) throw logLost();
        const snapshot = await drainSource(source, { maxBytes: Number.MAX_SAFE_INTEGER, call: { signal } }, () => undefined);
        await blobs.put(backupRoot(entry), staticKey(snapshot.sha256), { ...source, sizeBytes: snapshot.sizeBytes }, {}, { signal });
        const { incarnation, position, records, bytes } = head;
        const { manifest, catalogue } = await add(grant, { takenAt, snapshot, files, log: { incarnation, position, records, bytes } });
        const detail = {
          sequence: manifest.sequence,
          digest: manifestDigest(manifest),
          since: entry.createdAt,
          sizeBytes: snapshot.sizeBytes,
        };
        await directory.audit({ workspace, user, action: storeAction, outcome: 'done', detail });
        await prune(entry, before?.catalogue, catalogue);
        return manifest;
      });
    },

    list: async (grant, call) => {
      await gate.require(grant, 'backup');
      return (await read(grant.entry, call))?.catalogue.backups ?? [];
    },

    restore: async (grant, sequence, call) => {
      await gate.require(grant, 'restore');
      const { entry } = grant;
      const backups = (await read(entry, call))?.catalogue.backups ?? [];
      const newest = backups.at(-1);
      const wanted = sequence === undefined ? newest : backups.find((each) => each.sequence === sequence);
      if (!newest || !wanted)
        throw new StoreError('not_found', 'there is no such backup', { context: { sequences: backups.map((each) => each.sequence) } });
      if (sequence === undefined) await checkNotRolledBack(entry, newest);
      const source: ByteSource = {
        sizeBytes: wanted.snapshot.sizeBytes,
        open: async function* () {
          const content = await blobs.get(backupRoot(entry), snapshotKey(wanted), {}, call);
          if (!content)
            throw new StoreError('corrupt', 'the backup is listed, but its bytes are not there', {
              context: { sequence: wanted.sequence },
            });
          yield* content.body;
        },
      };
      return backup.restoreFrom(grant, source, { sequence: wanted.sequence, takenAt: wanted.takenAt }, call);
    },

    verify: async (entry) => {
      const problems: string[] = [];
      const stored = await read(entry).catch((error: unknown) => {
        if (!hasCode(error, 'corrupt', 'unsupported')) throw error;
        problems.push(error.message);
        return undefined;
      });
      for (const manifest of stored?.catalogue.backups ?? []) {
        const info = await blobs.head(backupRoot(entry), snapshotKey(manifest));
        if (info?.sizeBytes !== manifest.snapshot.sizeBytes)
          problems.push(
            `backup ${manifest.sequence}: its bytes are ${info ? `${info.sizeBytes} instead of ${manifest.snapshot.sizeBytes}` : 'missing'}`,
          );
      }
      return problems;
    },
  };
}
