import { createHash } from 'node:crypto';
import {
  type BlobRoot,
  type CallOptions,
  type CodecName,
  eachItem,
  hasCode,
  type ListQuery,
  type Page,
  pageOf,
  parseBlobRoot,
  StoreError,
  toStoreError,
  type UserId,
  type WorkspaceEntry,
  type WorkspaceId,
  type WorkspacePatch,
  type WorkspaceSettings,
} from '@spacestore/core';
import type { Identity } from '../auth/identity.ts';
import type { Activity } from './activity.ts';
import type { Fences } from './fences.ts';
import type { Gate } from './gate.ts';
import { type Grant, inScope, noSuchWorkspace } from './grant.ts';
import type { LogSizes } from './log-size.ts';
import { backupRoot } from './stored-backups.ts';
import type { ServiceParts } from './stores.ts';

export interface WorkspaceRequest {
  readonly id: WorkspaceId;
  readonly name: string;
  readonly codec: CodecName;
  readonly settings: WorkspaceSettings;
}

export interface Workspaces {
  /** The workspace, with the caller as its owner; also if the same call had made it before.
   *  Throws: conflict if the id is somebody else's, quota, denied if the token is bound to other workspaces. */
  readonly create: (identity: Identity, request: WorkspaceRequest, call?: CallOptions) => Promise<WorkspaceEntry>;
  /** Those the caller is a member of, in byte order of ids. */
  readonly list: (identity: Identity, query: ListQuery, call?: CallOptions) => Promise<Page<WorkspaceEntry>>;
  readonly update: (grant: Grant, patch: WorkspacePatch, call?: CallOptions) => Promise<WorkspaceEntry>;
  /** Removes everything the workspace owns. After a crash half-way `resumeDeletes` goes on. */
  readonly delete: (grant: Grant) => Promise<void>;
  /** Ends the deletions that a crash cut off: called once, before a server takes requests. One that can't be ended, perhaps because what it has to
   *  remove is damaged, is told and holds up no other; nobody sees the workspace meanwhile. */
  readonly resumeDeletes: () => Promise<{
    readonly ended: readonly WorkspaceId[];
    readonly failed: readonly { readonly workspace: WorkspaceId; readonly error: StoreError }[];
  }>;
}

export interface WorkspacesParts extends ServiceParts {
  readonly gate: Gate;
  readonly fences: Fences;
  readonly sizes: LogSizes;
  readonly activity: Activity;
}

export function workspaces(parts: WorkspacesParts): Workspaces {
  const { ops, blobs, files, secrets, directory, limits, events, gate, fences, sizes, activity } = parts;

  const create: Workspaces['create'] = async (identity, request, call) => {
    if (identity.scopes?.role !== undefined && identity.scopes.role !== 'owner')
      throw new StoreError('denied', 'this token may not create workspaces');
    if (!inScope(identity, request.id)) throw new StoreError('denied', 'this token is bound to other workspaces');
    const existing = await ownOne(identity, request, call);
    if (existing) return existing;
    if ((await directory.countOwned(identity.user, call)) >= limits.workspacesPerOwner)
      throw new StoreError('quota', 'you have as many workspaces as one may have', { context: { max: limits.workspacesPerOwner } });
    // Of a workspace that is listed the log is never made anew: it may be lost, not unmade.
    if ((await directory.get(request.id, call)) === undefined) await fences.prepare(request.id, call);
    const entry = await directory
      .create({ ...request, owner: identity.user, blobRoot: blobRootOf(identity.user, request.id) }, call)
      .catch(async (error: unknown) => {
        const made = hasCode(error, 'conflict') ? await ownOne(identity, request) : undefined; // two of the same call at once
        if (made) return made;
        throw error;
      });
    await fences.begin(entry);
    await directory.audit({
      workspace: entry.id,
      user: identity.user,
      action: 'workspace.create',
      outcome: 'done',
      detail: { codec: entry.codec },
    });
    return entry;
  };

  const ownOne = async (identity: Identity, { id, codec }: WorkspaceRequest, call?: CallOptions): Promise<WorkspaceEntry | undefined> => {
    const membership = await directory.membership(id, identity.user, call);
    if (membership?.role !== 'owner' || membership.entry.codec !== codec) return undefined;
    await fences.ensure(membership.entry, call);
    return membership.entry;
  };

  /** Under its epoch: a drop that the store carries out late, when another workspace has this name, must find a higher one. */
  const dropLog = async (entry: WorkspaceEntry): Promise<void> => {
    if (!ops.capabilities.fence) return ops.drop(entry.id);
    const head = await ops.head(entry.id);
    await ops.drop(entry.id, { ifEpoch: Math.max(entry.epoch, head?.epoch ?? 0) });
  };

  /** Everything but the directory's entry, which is the list of what is left to do: it goes last. Each step may be done again. Another server may have
   *  ended this deletion while this one slept, and the name be another workspace's by now, so each step looks first. */
  const removeAll = async (entry: WorkspaceEntry): Promise<void> => {
    await activity.stop(entry.id);
    const steps = [
      () => dropLog(entry),
      () => secrets.drop(entry.id),
      () => files.drop(entry.id),
      () => blobs.drop(backupRoot(entry)),
      () => blobs.drop(entry.blobRoot),
      () => {
        fences.forget(entry.id);
        sizes.forget(entry.id);
        return directory.endDelete(entry.id);
      },
    ];
    for (const step of steps) {
      const now = await directory.get(entry.id);
      if (now?.state !== 'deleting' || now.epoch !== entry.epoch) return;
      await step();
    }
  };

  return {
    create,
    list: async (identity, query, call) => {
      const limit = Math.min(query.limit, 1000);
      const only = identity.scopes?.workspaces;
      if (!only) return directory.list({ ...query, limit, member: identity.user, state: 'active' }, call);
      const ids = [...new Set(only)].sort().filter((id) => query.after === undefined || id > query.after);
      const found: WorkspaceEntry[] = [];
      for (const id of ids) {
        const membership = await directory.membership(id, identity.user, call);
        if (membership?.entry.state === 'active') found.push(membership.entry);
        if (found.length > limit) break;
      }
      return pageOf(found, limit, ({ id }) => id);
    },
    update: async (grant, patch, call) => {
      await gate.require(grant, 'settings.change');
      const entry = await directory.update(grant.workspace, patch, call);
      events.settingsChanged(grant.workspace);
      await directory.audit({
        workspace: grant.workspace,
        user: grant.user,
        action: 'workspace.update',
        outcome: 'done',
        detail: { fields: Object.keys(patch), ...(patch.settings && { relay: patch.settings.relay }) },
      });
      return entry;
    },
    delete: async (grant) => {
      await gate.require(grant, 'workspace.delete');
      const entry = await directory.beginDelete(grant.workspace);
      if (!entry) throw noSuchWorkspace();
      // The fence stops servers that have not heard of it, for as long as the log is still there.
      if (ops.capabilities.fence) await ops.fence(entry.id, entry.epoch);
      await events.membershipChanged(entry.id, undefined, entry.epoch);
      await directory.audit({ workspace: entry.id, user: grant.user, action: 'workspace.delete', outcome: 'done', detail: {} });
      await removeAll(entry);
    },
    resumeDeletes: async () => {
      const ended: WorkspaceId[] = [];
      const failed: { workspace: WorkspaceId; error: StoreError }[] = [];
      for await (const entry of eachItem((query) => directory.list({ ...query, state: 'deleting' }))) {
        try {
          await removeAll(entry);
          ended.push(entry.id);
        } catch (error) {
          failed.push({ workspace: entry.id, error: toStoreError(error) });
        }
      }
      return { ended, failed };
    },
  };
}

/** `<owner>/<workspace>`; an owner whose id is no path segment is named by a digest. The workspace id alone keeps roots apart. */
function blobRootOf(owner: UserId, workspace: WorkspaceId): BlobRoot {
  const segment = /^[A-Za-z0-9_-]{1,128}$/.test(owner) ? owner : `u-${createHash('sha256').update(owner).digest('hex').slice(0, 32)}`;
  return parseBlobRoot(`${segment}/${workspace}`);
}
