import type { AuditRow } from '../audit-chain.ts';
import type { Role, Usage, WorkspaceEntry } from '../contracts/directory.ts';
import { StoreError } from '../errors.ts';
import type { PeerId, UserId, WorkspaceId } from '../ids.ts';

export interface MemoryWorkspace {
  entry: WorkspaceEntry;
  readonly members: Map<UserId, Role>;
  readonly peers: Map<PeerId, UserId>;
  usage: Usage;
}

/** What a memory directory keeps its rows in: a second directory on the same place sees the same ones. */
export interface MemoryDirectoryPlace {
  readonly workspaces: Map<WorkspaceId, MemoryWorkspace>;
  /** The last epoch of those that were removed: one made again begins above it. */
  readonly removed: Map<WorkspaceId, number>;
  readonly audit: { readonly row: AuditRow; readonly hash: string }[];
}

export function memoryDirectoryPlace(): MemoryDirectoryPlace {
  return { workspaces: new Map(), removed: new Map(), audit: [] };
}

/** Throws: not_found, also for one that is being deleted. */
export function activeWorkspace(place: MemoryDirectoryPlace, id: WorkspaceId): MemoryWorkspace {
  const workspace = place.workspaces.get(id);
  if (workspace?.entry.state === 'active') return workspace;
  throw new StoreError('not_found', 'there is no such workspace', { context: { workspace: id } });
}

/** Sets or removes a role and raises the epoch, unless nothing changes. Resolves with the epoch that holds now.
 *  Throws: conflict: there is one owner, and only a transfer makes another. */
export function setRole(workspace: MemoryWorkspace, user: UserId, role: Role | undefined, ifRole: Role | 'none' | undefined): number {
  const { entry, members } = workspace;
  const present = members.get(user);
  if (ifRole !== undefined && ifRole !== (present ?? 'none'))
    throw new StoreError('conflict', 'the member has another role', { context: { workspace: entry.id, role: present ?? 'none' } });
  if (present === role) return entry.epoch;
  if (present === 'owner' || role === 'owner')
    throw new StoreError('conflict', 'a workspace has one owner: transfer it instead', { context: { workspace: entry.id } });
  if (role === undefined) members.delete(user);
  else members.set(user, role);
  return raiseEpoch(workspace);
}

/** Makes another user the owner and the present one an admin. Resolves with the epoch that holds now. */
export function transferTo(workspace: MemoryWorkspace, owner: UserId): number {
  const { entry, members } = workspace;
  if (entry.owner === owner) return entry.epoch;
  members.set(entry.owner, 'admin').set(owner, 'owner');
  workspace.entry = { ...entry, owner };
  return raiseEpoch(workspace);
}

export function raiseEpoch(workspace: MemoryWorkspace): number {
  workspace.entry = { ...workspace.entry, epoch: workspace.entry.epoch + 1 };
  return workspace.entry.epoch;
}

/** Binds all peers, or none and tells which are somebody else's. Throws: quota. */
export function bindPeers(workspace: MemoryWorkspace, user: UserId, peers: readonly PeerId[], maxPeers: number): readonly PeerId[] {
  const bound = workspace.peers;
  const taken = peers.filter((peer) => bound.has(peer) && bound.get(peer) !== user);
  const free = peers.filter((peer) => !bound.has(peer));
  if (taken.length > 0 || free.length === 0) return taken;
  const count = [...bound.values()].filter((owner) => owner === user).length;
  if (count + free.length > maxPeers)
    throw new StoreError('quota', 'too many peers of one user', { context: { workspace: workspace.entry.id, bound: count, maxPeers } });
  for (const peer of free) bound.set(peer, user);
  return [];
}
