import { auditEntryOf, auditHash, auditStartHash, nextAuditRow } from '../audit-chain.ts';
import { addToUsage, checkAuditEntry, checkNewWorkspace, checkWorkspacePatch, parseAuditSequence, parseRole } from '../check-directory.ts';
import { checkListQuery } from '../check-queries.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Directory, WorkspaceEntry } from '../contracts/directory.ts';
import { StoreError } from '../errors.ts';
import { compareIds, parsePeerId, parseUserId, parseWorkspaceId } from '../ids.ts';
import { createLifetime } from '../lifetime.ts';
import { pageOf, parseLimit } from '../paging.ts';
import {
  activeWorkspace,
  bindPeers,
  type MemoryDirectoryPlace,
  memoryDirectoryPlace,
  raiseEpoch,
  setRole,
  transferTo,
} from './directory-state.ts';

export interface MemoryDirectoryOptions {
  readonly place?: MemoryDirectoryPlace;
  readonly clock?: Clock;
}

/** A directory in this process's memory: the executable form of the contract's laws, and a double for tests. */
export function memoryDirectory(options: MemoryDirectoryOptions = {}): Directory {
  const { place = memoryDirectoryPlace(), clock = systemClock } = options;
  const { workspaces, audit } = place;
  const lifetime = createLifetime();
  const now = (): number => Math.floor(clock.now());

  return {
    create: (given, call) =>
      lifetime.run(call, () => {
        const checked = checkNewWorkspace(given);
        if (workspaces.has(checked.id))
          throw new StoreError('conflict', 'the workspace id is taken', { context: { workspace: checked.id } });
        const entry: WorkspaceEntry = { ...checked, epoch: 1 + (place.removed.get(checked.id) ?? 0), createdAt: now(), state: 'active' };
        const members = new Map([[entry.owner, 'owner' as const]]);
        workspaces.set(entry.id, { entry, members, peers: new Map(), usage: { fileBytes: 0, files: 0 } });
        return copyOf(entry);
      }),

    get: (given, call) =>
      lifetime.run(call, () => {
        const workspace = workspaces.get(parseWorkspaceId(given));
        return workspace && copyOf(workspace.entry);
      }),

    update: (given, patch, call) =>
      lifetime.run(call, () => {
        const id = parseWorkspaceId(given);
        const checked = checkWorkspacePatch(patch);
        const workspace = activeWorkspace(place, id);
        workspace.entry = { ...workspace.entry, ...checked };
        return copyOf(workspace.entry);
      }),

    beginDelete: (given, call) =>
      lifetime.run(call, () => {
        const workspace = workspaces.get(parseWorkspaceId(given));
        if (workspace?.entry.state === 'active') {
          raiseEpoch(workspace);
          workspace.entry = { ...workspace.entry, state: 'deleting' };
        }
        return workspace && copyOf(workspace.entry);
      }),

    endDelete: (given, call) =>
      lifetime.run(call, () => {
        const id = parseWorkspaceId(given);
        const entry = workspaces.get(id)?.entry;
        if (entry?.state === 'active')
          throw new StoreError('conflict', 'the workspace is not being deleted', { context: { workspace: id } });
        if (entry) place.removed.set(id, entry.epoch);
        workspaces.delete(id);
      }),

    list: ({ member, state, ...query }, call) =>
      lifetime.run(call, () => {
        const { after, limit } = checkListQuery(query, parseWorkspaceId);
        const user = member === undefined ? undefined : parseUserId(member);
        const wanted = [...workspaces.values()].filter(
          ({ entry, members }) =>
            (after === undefined || entry.id > after) &&
            (state === undefined || entry.state === state) &&
            (user === undefined || (entry.state === 'active' && members.has(user))), // nobody is a member of one that is being deleted
        );
        const sorted = wanted.map(({ entry }) => entry).sort((a, b) => compareIds(a.id, b.id));
        return pageOf(sorted.slice(0, limit + 1).map(copyOf), limit, (entry) => entry.id);
      }),

    membership: (given, user, call) =>
      lifetime.run(call, () => {
        const workspace = workspaces.get(parseWorkspaceId(given));
        const role = workspace?.members.get(parseUserId(user));
        if (workspace?.entry.state !== 'active' || role === undefined) return undefined;
        return { role, epoch: workspace.entry.epoch, entry: copyOf(workspace.entry) };
      }),

    members: (given, query, call) =>
      lifetime.run(call, () => {
        const workspace = workspaces.get(parseWorkspaceId(given));
        const { after, limit } = checkListQuery(query, parseUserId);
        const members = workspace?.entry.state === 'active' ? [...workspace.members] : [];
        const items = members.filter(([user]) => after === undefined || user > after).sort(([a], [b]) => compareIds(a, b));
        return pageOf(
          items.slice(0, limit + 1).map(([user, role]) => ({ user, role })),
          limit,
          ({ user }) => user,
        );
      }),

    setMember: (given, user, role, setOptions, call) =>
      lifetime.run(call, () => {
        const [id, of] = [parseWorkspaceId(given), parseUserId(user)];
        return setRole(activeWorkspace(place, id), of, role === undefined ? undefined : parseRole(role), setOptions?.ifRole);
      }),

    transfer: (given, to, call) => lifetime.run(call, () => transferTo(activeWorkspace(place, parseWorkspaceId(given)), parseUserId(to))),

    bindPeers: (given, user, peers, maxPeers, call) =>
      lifetime.run(call, () => {
        const [id, of] = [parseWorkspaceId(given), parseUserId(user)];
        const wanted = [...new Set(peers.map(parsePeerId))];
        return { taken: bindPeers(activeWorkspace(place, id), of, wanted, maxPeers) };
      }),

    peers: (given, query, call) =>
      lifetime.run(call, () => {
        const { after, limit } = checkListQuery(query, parsePeerId);
        const bound = [...(workspaces.get(parseWorkspaceId(given))?.peers ?? [])].map(([peer, user]) => ({ peer, user }));
        const items = bound.filter(({ peer }) => after === undefined || peer > after).sort((a, b) => compareIds(a.peer, b.peer));
        return pageOf(items.slice(0, limit + 1), limit, ({ peer }) => peer);
      }),

    addUsage: (given, delta, limits, call) =>
      lifetime.run(call, () => {
        const id = parseWorkspaceId(given);
        const workspace = workspaces.get(id);
        if (workspace === undefined) throw new StoreError('not_found', 'there is no such workspace', { context: { workspace: id } });
        workspace.usage = addToUsage(workspace.usage, delta, limits);
        return { ...workspace.usage };
      }),

    usage: (given, call) =>
      lifetime.run(call, () => ({ ...(workspaces.get(parseWorkspaceId(given))?.usage ?? { fileBytes: 0, files: 0 }) })),

    countOwned: (owner, call) =>
      lifetime.run(call, () => {
        const of = parseUserId(owner);
        return [...workspaces.values()].filter(({ entry }) => entry.owner === of).length;
      }),

    audit: (entry, call) =>
      lifetime.run(call, () => {
        const last = audit.at(-1);
        const row = nextAuditRow(last && { sequence: last.row[0], at: last.row[1] }, checkAuditEntry(entry), now());
        audit.push({ row, hash: auditHash(last?.hash ?? auditStartHash, row) });
      }),

    auditLog: ({ workspace, after, limit }, call) =>
      lifetime.run(call, () => {
        const of = workspace === undefined ? undefined : parseWorkspaceId(workspace);
        const [from, count] = [parseAuditSequence(after), parseLimit(limit)];
        const wanted = audit.filter(({ row }) => row[0] > from && (of === undefined || row[2] === of)).slice(0, count + 1);
        return pageOf(
          wanted.map(({ row, hash }) => auditEntryOf(row, hash)),
          count,
          ({ sequence }) => String(sequence),
        );
      }),

    verifyAudit: (call) =>
      lifetime.run(call, () => {
        let previous = auditStartHash;
        for (const [index, { row, hash }] of audit.entries()) {
          if (row[0] !== index + 1 || auditHash(previous, row) !== hash) return index + 1;
          previous = hash;
        }
        return undefined;
      }),

    close: () => lifetime.close(),
  };
}

function copyOf(entry: WorkspaceEntry): WorkspaceEntry {
  return { ...entry, settings: structuredClone(entry.settings) };
}
