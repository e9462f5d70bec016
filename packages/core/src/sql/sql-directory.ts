import { addToUsage, checkAuditEntry, checkNewWorkspace, checkWorkspacePatch, parseAuditSequence, parseRole } from '../check-directory.ts';
import { checkListQuery } from '../check-queries.ts';
import type { Clock } from '../clock.ts';
import type { Directory, NewWorkspace, Role, Usage, WorkspaceEntry, WorkspacePatch, WorkspaceSettings } from '../contracts/directory.ts';
import { StoreError } from '../errors.ts';
import { type PeerId, parsePeerId, parseUserId, parseWorkspaceId, type UserId, type WorkspaceId } from '../ids.ts';
import { createLifetime } from '../lifetime.ts';
import { pageOf, parseLimit } from '../paging.ts';
import type { SqlDatabase } from './database.ts';
import { appendAudit, auditStart, readAudit, walkAudit } from './directory-audit.ts';
import { entryOf, raiseEpoch, readActive, readEntry, readRole, workspaceColumns, writeRole } from './directory-rows.ts';
import { row, rows, run, type Sql, value } from './sql.ts';

/** A directory in an SQL database. */
export function sqlDirectory(
  database: SqlDatabase,
  { clock, pause }: { readonly clock: Clock; readonly pause: () => Promise<void> },
): Directory {
  const lifetime = createLifetime();
  return {
    create: (workspace, call) =>
      lifetime.run(call, () => {
        const checked = checkNewWorkspace(workspace);
        return database.write(() => createWorkspace(checked, Math.floor(clock.now())));
      }),

    get: (given, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        return database.read(() => readEntry(workspace));
      }),

    update: (given, patch, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        const checked = checkWorkspacePatch(patch);
        return database.write(() => updateWorkspace(workspace, checked));
      }),

    beginDelete: (given, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        return database.write(function* () {
          yield* run("UPDATE workspace SET state = 'deleting', epoch = epoch + 1 WHERE id = ? AND state = 'active'", workspace);
          return yield* readEntry(workspace);
        });
      }),

    endDelete: (given, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        return database.write(() => endDelete(workspace));
      }),

    list: ({ member, state, ...query }, call) =>
      lifetime.run(call, async () => {
        const { after = '', limit } = checkListQuery(query, parseWorkspaceId);
        const of = member === undefined ? undefined : parseUserId(member);
        // Nobody is a member of one that is being deleted.
        const wanted = of === undefined || state !== undefined ? (state ?? null) : 'active';
        if (of !== undefined && wanted === 'deleting') return { items: [] };
        const found = await database.read(() =>
          of === undefined
            ? rows(
                `SELECT ${workspaceColumns} FROM workspace WHERE id > ? AND state IN (?, ?) ORDER BY id LIMIT ?`,
                after,
                wanted ?? 'active',
                wanted ?? 'deleting',
                limit + 1,
              )
            : rows(
                `SELECT ${workspaceColumns} FROM workspace WHERE id > ? AND state = ?
                 AND id IN (SELECT workspace FROM member WHERE member = ?) ORDER BY id LIMIT ?`,
                after,
                wanted,
                of,
                limit + 1,
              ),
        );
        return pageOf(found.map(entryOf), limit, (entry) => entry.id);
      }),

    membership: (given, user, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        const of = parseUserId(user);
        return database.read(function* () {
          const entry = yield* readEntry(workspace);
          const role = yield* readRole(workspace, of);
          return entry?.state === 'active' && role !== undefined ? { role, epoch: entry.epoch, entry } : undefined;
        });
      }),

    members: (given, query, call) =>
      lifetime.run(call, async () => {
        const workspace = parseWorkspaceId(given);
        const { after = '', limit } = checkListQuery(query, parseUserId);
        const found = await database.read(() =>
          rows(
            `SELECT m.member, m.role FROM member m JOIN workspace w ON w.id = m.workspace
             WHERE m.workspace = ? AND w.state = 'active' AND m.member > ? ORDER BY m.member LIMIT ?`,
            workspace,
            after,
            limit + 1,
          ),
        );
        const items = found.map(([user, role]) => ({ user: user as UserId, role: role as Role }));
        return pageOf(items, limit, ({ user }) => user);
      }),

    setMember: (given, user, role, options, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        const of = parseUserId(user);
        const wanted = role === undefined ? undefined : parseRole(role);
        return database.write(() => setMember(workspace, of, wanted, options?.ifRole));
      }),

    transfer: (given, to, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        const owner = parseUserId(to);
        return database.write(() => transfer(workspace, owner));
      }),

    bindPeers: (given, user, peers, maxPeers, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        const of = parseUserId(user);
        const wanted = [...new Set(peers.map(parsePeerId))];
        return database.write(() => bindPeers(workspace, of, wanted, maxPeers));
      }),

    peers: (given, query, call) =>
      lifetime.run(call, async () => {
        const workspace = parseWorkspaceId(given);
        const { after = '', limit } = checkListQuery(query, parsePeerId);
        const found = await database.read(() =>
          rows('SELECT peer, bound_to FROM peer WHERE workspace = ? AND peer > ? ORDER BY peer LIMIT ?', workspace, after, limit + 1),
        );
        const items = found.map(([peer, user]) => ({ peer: peer as PeerId, user: user as UserId }));
        return pageOf(items, limit, ({ peer }) => peer);
      }),

    addUsage: (given, delta, limits, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        return database.write(() => addUsage(workspace, delta, limits));
      }),

    usage: (given, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        return database.read(() => readUsage(workspace));
      }),

    countOwned: (owner, call) =>
      lifetime.run(call, async () => {
        const of = parseUserId(owner);
        return (await database.read(() => value('SELECT count(*) FROM workspace WHERE owner = ?', of))) as number;
      }),

    audit: (entry, call) =>
      lifetime.run(call, () => {
        const checked = checkAuditEntry(entry);
        return database.write(() => appendAudit(checked, Math.floor(clock.now())));
      }),

    auditLog: ({ workspace, after, limit }, call) =>
      lifetime.run(call, async () => {
        const of = workspace === undefined ? undefined : parseWorkspaceId(workspace);
        const [from, count] = [parseAuditSequence(after), parseLimit(limit)];
        const found = await database.read(() => readAudit(of, from, count + 1));
        return pageOf(found, count, ({ sequence }) => String(sequence));
      }),

    verifyAudit: (call) =>
      lifetime.run(call, async () => {
        let walk = auditStart;
        while (!walk.isDone) {
          walk = await database.read(() => walkAudit(walk));
          await pause();
        }
        return walk.broken;
      }),

    close: () => lifetime.close(() => database.close()),
  };
}

function settingsColumns({ relay, app }: WorkspaceSettings): readonly [relay: number, app: string] {
  return [relay ? 1 : 0, JSON.stringify(app)];
}

function* createWorkspace({ id, name, owner, codec, blobRoot, settings }: NewWorkspace, now: number): Sql<WorkspaceEntry> {
  const added = yield* run(
    `INSERT INTO workspace (${workspaceColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'active') ON CONFLICT (id) DO NOTHING`,
    id,
    name,
    owner,
    codec,
    blobRoot,
    ...settingsColumns(settings),
    1 + (((yield* value('SELECT epoch FROM removed_workspace WHERE id = ?', id)) as number | undefined) ?? 0),
    now,
  );
  if (added === 0) throw new StoreError('conflict', 'the workspace id is taken', { context: { workspace: id } });
  yield* writeRole(id, owner, 'owner');
  return yield* readActive(id);
}

function* updateWorkspace(workspace: WorkspaceId, { name, settings }: WorkspacePatch): Sql<WorkspaceEntry> {
  yield* readActive(workspace);
  if (name !== undefined) yield* run('UPDATE workspace SET name = ? WHERE id = ?', name, workspace);
  if (settings !== undefined) yield* run('UPDATE workspace SET relay = ?, app = ? WHERE id = ?', ...settingsColumns(settings), workspace);
  return yield* readActive(workspace);
}

function* endDelete(workspace: WorkspaceId): Sql<void> {
  const entry = yield* readEntry(workspace);
  if (entry?.state === 'active') throw new StoreError('conflict', 'the workspace is not being deleted', { context: { workspace } });
  yield* run(
    'INSERT INTO removed_workspace (id, epoch) SELECT id, epoch FROM workspace WHERE id = ? ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch',
    workspace,
  );
  yield* run('DELETE FROM workspace WHERE id = ?', workspace);
}

/** There is one owner, and only a transfer makes another. */
function* setMember(workspace: WorkspaceId, user: UserId, role: Role | undefined, ifRole: Role | 'none' | undefined): Sql<number> {
  const entry = yield* readActive(workspace);
  const present = yield* readRole(workspace, user);
  if (ifRole !== undefined && ifRole !== (present ?? 'none'))
    throw new StoreError('conflict', 'the member has another role', { context: { workspace, role: present ?? 'none' } });
  if (present === role) return entry.epoch;
  if (present === 'owner' || role === 'owner')
    throw new StoreError('conflict', 'a workspace has one owner: transfer it instead', { context: { workspace } });
  yield* writeRole(workspace, user, role);
  return yield* raiseEpoch(workspace);
}

function* transfer(workspace: WorkspaceId, to: UserId): Sql<number> {
  const { owner, epoch } = yield* readActive(workspace);
  if (owner === to) return epoch;
  yield* writeRole(workspace, owner, 'admin');
  yield* writeRole(workspace, to, 'owner');
  yield* run('UPDATE workspace SET owner = ? WHERE id = ?', to, workspace);
  return yield* raiseEpoch(workspace);
}

function* bindPeers(
  workspace: WorkspaceId,
  user: UserId,
  peers: readonly PeerId[],
  maxPeers: number,
): Sql<{ readonly taken: readonly PeerId[] }> {
  yield* readActive(workspace);
  const taken: PeerId[] = [];
  const free: PeerId[] = [];
  for (const peer of peers) {
    const owner = yield* value('SELECT bound_to FROM peer WHERE workspace = ? AND peer = ?', workspace, peer);
    if (owner === undefined) free.push(peer);
    else if (owner !== user) taken.push(peer);
  }
  if (taken.length > 0 || free.length === 0) return { taken };
  const bound = (yield* value('SELECT count(*) FROM peer WHERE workspace = ? AND bound_to = ?', workspace, user)) as number;
  if (bound + free.length > maxPeers)
    throw new StoreError('quota', 'too many peers of one user', { context: { workspace, bound, maxPeers } });
  for (const peer of free) yield* run('INSERT INTO peer (workspace, peer, bound_to) VALUES (?, ?, ?)', workspace, peer, user);
  return { taken };
}

function* readUsage(workspace: WorkspaceId): Sql<Usage> {
  const found = yield* row('SELECT file_bytes, files FROM workspace WHERE id = ?', workspace);
  return { fileBytes: (found?.[0] as number | undefined) ?? 0, files: (found?.[1] as number | undefined) ?? 0 };
}

function* addUsage(workspace: WorkspaceId, delta: Usage, limits: Usage): Sql<Usage> {
  const usage = addToUsage(yield* readUsage(workspace), delta, limits);
  const changed = yield* run('UPDATE workspace SET file_bytes = ?, files = ? WHERE id = ?', usage.fileBytes, usage.files, workspace);
  if (changed === 0) throw new StoreError('not_found', 'there is no such workspace', { context: { workspace } });
  return usage;
}
