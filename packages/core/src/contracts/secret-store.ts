import type { CallOptions } from '../call.ts';
import type { SecretName, WorkspaceId } from '../ids.ts';
import type { ListQuery, Page } from '../paging.ts';

export interface SecretValue {
  readonly value: Uint8Array;
  /** 1, 2, 3, …: one more with each set or delete of this name. */
  readonly version: number;
}

export interface NamedSecret extends SecretValue {
  readonly name: SecretName;
}

export interface SecretWrite {
  /** The version the caller saw, 0 for a name never written. Anything else is `conflict` (context: name, version). A deleted name keeps its version. */
  readonly ifVersion: number;
  /** Made by the caller, unique per intent (1 to 64 characters of the id grammar). A retry with the same one, at the version it made, resolves. */
  readonly writeId: string;
}

export interface SecretEntry {
  readonly name: SecretName;
  readonly value: Uint8Array;
  readonly ifVersion: number;
}

export interface SecretStoreCapabilities {
  readonly durable: 'none' | 'process' | 'power';
  readonly multiHandle: boolean;
  readonly multiProcess: boolean;
  /** Values are unreadable at rest without the key. Only the seal layer gives it. Gates SE-02 to SE-06, 10, 11, 15. */
  readonly sealed: boolean;
  readonly maxValueBytes: number;
}

/** Small values of a workspace under names, each replaced by compare-and-set. */
export interface SecretStore {
  readonly contractVersion: 1;
  readonly capabilities: SecretStoreCapabilities;

  /** A fresh copy of the value, or undefined if never set or deleted. */
  readonly get: (workspace: WorkspaceId, name: SecretName, call?: CallOptions) => Promise<SecretValue | undefined>;

  /** All values, in byte order of their names, from one snapshot. */
  readonly getAll: (workspace: WorkspaceId, call?: CallOptions) => Promise<readonly NamedSecret[]>;

  /** Resolves with the new version, `ifVersion + 1`. Throws: conflict, invalid, too_large, busy, unavailable, closed. */
  readonly set: (
    workspace: WorkspaceId,
    name: SecretName,
    value: Uint8Array,
    write: SecretWrite,
    call?: CallOptions,
  ) => Promise<{ readonly version: number }>;

  /** Sets several names at once: all or none. A name twice is `invalid`. */
  readonly setAll: (workspace: WorkspaceId, entries: readonly SecretEntry[], writeId: string, call?: CallOptions) => Promise<void>;

  /** Leaves a tombstone with the next version. Deleting what is absent at `ifVersion` 0 is fine and leaves nothing. */
  readonly delete: (
    workspace: WorkspaceId,
    name: SecretName,
    write: SecretWrite,
    call?: CallOptions,
  ) => Promise<{ readonly version: number }>;

  /** Names with a value, in byte order. */
  readonly names: (workspace: WorkspaceId, query: ListQuery, call?: CallOptions) => Promise<Page<SecretName>>;

  readonly drop: (workspace: WorkspaceId, call?: CallOptions) => Promise<void>;
  readonly close: () => Promise<void>;
}
