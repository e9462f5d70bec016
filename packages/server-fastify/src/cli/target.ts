import type { WorkspaceId } from '@spacestore/core';
import type { BackupManifest } from '../service/backup-catalogue.ts';
import type { SweepOptions, Swept } from '../service/file-sweep.ts';
import type { ImportReport } from '../service/transfer.ts';

export interface WorkspaceStats {
  readonly workspace: string;
  readonly records: number;
  readonly logBytes: number;
  readonly trees: number;
  readonly files: number;
  readonly fileBytes: number;
  readonly incarnation: string;
  readonly position: number;
  readonly epoch: number;
}

/** Bytes with their length, where that is known. */
export interface SizedBytes {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly sizeBytes?: number;
}

export interface RestoredLog {
  readonly incarnation: string;
  readonly records: number;
  readonly position: number;
}

/** What a command works on: a running server, or a data folder that nobody else holds. */
export interface Target {
  /** Makes the workspace unless it is there. */
  readonly ensure: (workspace: WorkspaceId, codec: 'reptree-1' | 'opaque') => Promise<void>;
  readonly import: (workspace: WorkspaceId, bytes: AsyncIterable<Uint8Array>) => Promise<ImportReport>;
  readonly export: (workspace: WorkspaceId, trees: readonly string[] | undefined) => Promise<AsyncIterable<Uint8Array>>;
  readonly backup: (workspace: WorkspaceId) => Promise<SizedBytes>;
  readonly restore: (workspace: WorkspaceId, source: SizedBytes) => Promise<RestoredLog>;
  /** A backup in the blob store that the server keeps files in. */
  readonly storeBackup: (workspace: WorkspaceId) => Promise<BackupManifest>;
  /** Those there are, oldest first. */
  readonly storedBackups: (workspace: WorkspaceId) => Promise<readonly BackupManifest[]>;
  /** From one of them, the newest if no sequence is given. */
  readonly restoreStored: (workspace: WorkspaceId, sequence: number | undefined) => Promise<RestoredLog>;
  /** Files that no operation refers to; removed if that is wanted. */
  readonly sweepFiles: (workspace: WorkspaceId, options: SweepOptions) => Promise<Swept>;
  readonly workspaces: () => Promise<readonly WorkspaceId[]>;
  readonly stats: (workspace: WorkspaceId) => Promise<WorkspaceStats>;
  readonly close: () => Promise<void>;
}
