import { parseBlobRoot } from './blob-key.ts';
import { canonicalJson } from './canonical-json.ts';
import type { AuditEntry, NewWorkspace, Role, Usage, WorkspacePatch, WorkspaceSettings } from './contracts/directory.ts';
import { StoreError } from './errors.ts';
import { parseUserId, parseWorkspaceId } from './ids.ts';

const roles: ReadonlySet<unknown> = new Set<Role>(['owner', 'admin', 'editor', 'viewer', 'backup']);

/** Throws: invalid. */
export function parseRole(value: unknown): Role {
  if (roles.has(value)) return value as Role;
  throw new StoreError('invalid', 'no such role');
}

/** A copy. Throws: invalid. */
export function checkNewWorkspace({ id, name, owner, codec, blobRoot, settings }: NewWorkspace): NewWorkspace {
  if (codec !== 'reptree-1' && codec !== 'opaque') throw new StoreError('invalid', 'no such codec');
  return {
    id: parseWorkspaceId(id),
    name: checkName(name),
    owner: parseUserId(owner),
    codec,
    blobRoot: parseBlobRoot(blobRoot),
    settings: checkSettings(settings),
  };
}

/** A copy. Throws: invalid. */
export function checkWorkspacePatch({ name, settings }: WorkspacePatch): WorkspacePatch {
  return {
    ...(name === undefined ? {} : { name: checkName(name) }),
    ...(settings === undefined ? {} : { settings: checkSettings(settings) }),
  };
}

function checkName(name: unknown): string {
  if (typeof name === 'string' && name.length <= 1024 && !/[\p{Surrogate}\0]/u.test(name)) return name;
  throw new StoreError('invalid', 'the name of a workspace is text of at most 1024 characters, without NUL');
}

function checkSettings({ relay, app }: WorkspaceSettings): WorkspaceSettings {
  if (typeof relay !== 'boolean') throw new StoreError('invalid', 'relay is true or false');
  return { relay, app: copyJsonObject(app, 'the fields of the application') };
}

/** A copy. Throws: invalid. */
export function checkAuditEntry({ workspace, user, action, outcome, detail }: AuditEntry): AuditEntry {
  if (typeof action !== 'string' || action === '') throw new StoreError('invalid', 'an audit row says what was done');
  if (outcome !== 'done' && outcome !== 'refused') throw new StoreError('invalid', 'the outcome is done or refused');
  return {
    ...(workspace === undefined ? {} : { workspace: parseWorkspaceId(workspace) }),
    ...(user === undefined ? {} : { user: parseUserId(user) }),
    action,
    outcome,
    detail: copyJsonObject(detail, 'the detail of an audit row'),
  };
}

/** The number of the audit row a listing goes on behind. Throws: invalid. */
export function parseAuditSequence(after: string | undefined): number {
  if (after === undefined) return 0;
  if (/^(0|[1-9][0-9]{0,15})$/.test(after)) return Number(after);
  throw new StoreError('invalid', 'not the number of an audit row');
}

/** What is used after a change; neither count falls below 0. Throws: invalid; quota past a limit of a count that grows. */
export function addToUsage(present: Usage, delta: Usage, limits: Usage): Usage {
  const add = (kind: keyof Usage): number => {
    if (!Number.isSafeInteger(delta[kind])) throw new StoreError('invalid', 'usage is counted in integers');
    const count = Math.max(0, present[kind] + delta[kind]);
    if (delta[kind] > 0 && count > limits[kind])
      throw new StoreError('quota', 'the workspace would use too much', { context: { kind, limit: limits[kind] } });
    return count;
  };
  return { fileBytes: add('fileBytes'), files: add('files') };
}

/** A copy of a plain object, exactly as JSON keeps it. Throws: invalid. */
export function copyJsonObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new StoreError('invalid', `${what} are an object`);
  return JSON.parse(canonicalJson(value)) as Readonly<Record<string, unknown>>;
}
