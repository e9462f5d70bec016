import type { BlobRoot } from '../blob-key.ts';
import type { CallOptions } from '../call.ts';
import type { PeerId, UserId, WorkspaceId } from '../ids.ts';
import type { ListQuery, Page } from '../paging.ts';

export type Role = 'owner' | 'admin' | 'editor' | 'viewer' | 'backup';

export type CodecName = 'reptree-1' | 'opaque';

export interface WorkspaceSettings {
  /** Whether members may hand in records of peers that are not theirs. */
  readonly relay: boolean;
  /** Free fields of the application, JSON-able; the server does not look into them. */
  readonly app: Readonly<Record<string, unknown>>;
}

export interface WorkspaceEntry {
  readonly id: WorkspaceId;
  readonly name: string;
  readonly owner: UserId;
  readonly codec: CodecName;
  readonly blobRoot: BlobRoot;
  readonly settings: WorkspaceSettings;
  /** Raised with every change of membership; the log is fenced to it. */
  readonly epoch: number;
  readonly createdAt: number;
  /** `deleting` until everything it owned is removed; then the entry goes. */
  readonly state: 'active' | 'deleting';
}

export interface NewWorkspace {
  readonly id: WorkspaceId;
  readonly name: string;
  readonly owner: UserId;
  readonly codec: CodecName;
  readonly blobRoot: BlobRoot;
  readonly settings: WorkspaceSettings;
}

export interface WorkspacePatch {
  readonly name?: string;
  readonly settings?: WorkspaceSettings;
}

export interface Membership {
  readonly user: UserId;
  readonly role: Role;
}

export interface PeerBinding {
  readonly peer: PeerId;
  readonly user: UserId;
}

export interface AuditEntry {
  /** Absent for what concerns no workspace. */
  readonly workspace?: WorkspaceId;
  readonly user?: UserId;
  readonly action: string;
  readonly outcome: 'done' | 'refused';
  /** Ids, codes and counts; never values. */
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface StoredAuditEntry extends AuditEntry {
  readonly sequence: number;
  readonly at: number;
  /** Hex sha256 over the previous row's hash and this row: an edited or removed row breaks the chain. */
  readonly hash: string;
}

/** Bytes and counts of what a workspace uses. */
export interface Usage {
  readonly fileBytes: number;
  readonly files: number;
}

/** Which workspaces there are, who may do what in them, and who did what. The truth for a workspace's name, owner, settings and blob root. */
export interface Directory {
  /** Creates the workspace with its owner as the first member. Its epoch is above that of any workspace that had this id before, so that nobody's old
   *  authorisation is good for it; otherwise 1. Throws: conflict if the id is taken (also by one that is being deleted). */
  readonly create: (workspace: NewWorkspace, call?: CallOptions) => Promise<WorkspaceEntry>;
  readonly get: (workspace: WorkspaceId, call?: CallOptions) => Promise<WorkspaceEntry | undefined>;
  /** Throws: not_found. */
  readonly update: (workspace: WorkspaceId, patch: WorkspacePatch, call?: CallOptions) => Promise<WorkspaceEntry>;
  /** Marks it as being deleted and raises the epoch: from now on nobody is a member. Resolves with the entry. Idempotent. */
  readonly beginDelete: (workspace: WorkspaceId, call?: CallOptions) => Promise<WorkspaceEntry | undefined>;
  /** Removes what is left of one that is being deleted. The audit stays. */
  readonly endDelete: (workspace: WorkspaceId, call?: CallOptions) => Promise<void>;
  /** All, or those where the user is a member, in byte order of ids. */
  readonly list: (
    query: ListQuery & { readonly member?: UserId; readonly state?: 'active' | 'deleting' },
    call?: CallOptions,
  ) => Promise<Page<WorkspaceEntry>>;

  /** The role, or undefined for everybody else; with the epoch it was read under. One snapshot. */
  readonly membership: (
    workspace: WorkspaceId,
    user: UserId,
    call?: CallOptions,
  ) => Promise<{ readonly role: Role; readonly epoch: number; readonly entry: WorkspaceEntry } | undefined>;
  readonly members: (workspace: WorkspaceId, query: ListQuery, call?: CallOptions) => Promise<Page<Membership>>;
  /** Sets or (undefined) removes a role and raises the epoch in the same transaction. Resolves with the new epoch.
   *  Throws: not_found; conflict if the workspace would be without an owner, or the expected role is not the present one. */
  readonly setMember: (
    workspace: WorkspaceId,
    user: UserId,
    role: Role | undefined,
    options?: { readonly ifRole?: Role | 'none' },
    call?: CallOptions,
  ) => Promise<number>;
  /** Makes `to` the owner and the present owner an admin, in one step. Resolves with the new epoch. */
  readonly transfer: (workspace: WorkspaceId, to: UserId, call?: CallOptions) => Promise<number>;

  /** Binds peers to a user at their first declaration. Resolves with those that are bound to somebody else (nothing is bound then).
   *  Throws: quota past `maxPeers` bound to this user in this workspace. */
  readonly bindPeers: (
    workspace: WorkspaceId,
    user: UserId,
    peers: readonly PeerId[],
    maxPeers: number,
    call?: CallOptions,
  ) => Promise<{ readonly taken: readonly PeerId[] }>;

  /** Peers and whose they are, in byte order of peers. */
  readonly peers: (workspace: WorkspaceId, query: ListQuery, call?: CallOptions) => Promise<Page<PeerBinding>>;

  /** Adds to what a workspace uses; throws `quota` if one of the limits would be passed, and changes nothing then. */
  readonly addUsage: (workspace: WorkspaceId, delta: Usage, limits: Usage, call?: CallOptions) => Promise<Usage>;
  readonly usage: (workspace: WorkspaceId, call?: CallOptions) => Promise<Usage>;
  readonly countOwned: (owner: UserId, call?: CallOptions) => Promise<number>;

  readonly audit: (entry: AuditEntry, call?: CallOptions) => Promise<void>;
  /** Newest last; `after` is a sequence number. */
  readonly auditLog: (query: ListQuery & { readonly workspace?: WorkspaceId }, call?: CallOptions) => Promise<Page<StoredAuditEntry>>;
  /** The sequence number of the first row that breaks the chain, or undefined. */
  readonly verifyAudit: (call?: CallOptions) => Promise<number | undefined>;

  readonly close: () => Promise<void>;
}
