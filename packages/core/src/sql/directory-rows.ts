import type { BlobRoot } from '../blob-key.ts';
import type { CodecName, Role, WorkspaceEntry } from '../contracts/directory.ts';
import { StoreError } from '../errors.ts';
import type { UserId, WorkspaceId } from '../ids.ts';
import { row, run, type Sql, type SqlRow, value } from './sql.ts';

export const workspaceColumns = 'id, name, owner, codec, blob_root, relay, app, epoch, created_at, state';

export function entryOf([id, name, owner, codec, blobRoot, relay, app, epoch, createdAt, state]: SqlRow): WorkspaceEntry {
  return {
    id: id as WorkspaceId,
    name: name as string,
    owner: owner as UserId,
    codec: codec as CodecName,
    blobRoot: blobRoot as BlobRoot,
    settings: { relay: relay === 1, app: JSON.parse(app as string) as Readonly<Record<string, unknown>> },
    epoch: epoch as number,
    createdAt: createdAt as number,
    state: state as WorkspaceEntry['state'],
  };
}

export function* readEntry(workspace: WorkspaceId): Sql<WorkspaceEntry | undefined> {
  const found = yield* row(`SELECT ${workspaceColumns} FROM workspace WHERE id = ?`, workspace);
  return found && entryOf(found);
}

/** Throws: not_found, also for one that is being deleted. */
export function* readActive(workspace: WorkspaceId): Sql<WorkspaceEntry> {
  const entry = yield* readEntry(workspace);
  if (entry?.state === 'active') return entry;
  throw new StoreError('not_found', 'there is no such workspace', { context: { workspace } });
}

export function* readRole(workspace: WorkspaceId, user: UserId): Sql<Role | undefined> {
  return (yield* value('SELECT role FROM member WHERE workspace = ? AND member = ?', workspace, user)) as Role | undefined;
}

export function* writeRole(workspace: WorkspaceId, user: UserId, role: Role | undefined): Sql<void> {
  if (role === undefined) yield* run('DELETE FROM member WHERE workspace = ? AND member = ?', workspace, user);
  else
    yield* run(
      'INSERT INTO member (workspace, member, role) VALUES (?, ?, ?) ON CONFLICT (workspace, member) DO UPDATE SET role = excluded.role',
      workspace,
      user,
      role,
    );
}

/** The epoch after one more change of membership. */
export function* raiseEpoch(workspace: WorkspaceId): Sql<number> {
  return (yield* value('UPDATE workspace SET epoch = epoch + 1 WHERE id = ? RETURNING epoch', workspace)) as number;
}
