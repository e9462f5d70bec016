import {
  type CallOptions,
  type CodecName,
  checkListQuery,
  type ListQuery,
  type Membership,
  type Page,
  parseUserId,
  parseWorkspaceId,
  type Role,
  type UserId,
  type WorkspaceEntry,
  type WorkspaceId,
  type WorkspaceSettings,
} from '@spacestore/core';
import { type HttpClient, segment } from './http.ts';

/** A workspace as its members see it: where its files lie is the server's own matter. */
export type RemoteWorkspace = Omit<WorkspaceEntry, 'blobRoot' | 'state'> & { readonly role?: Role };

/** What HTTP has of the Directory: the caller's own workspaces and their members. */
export interface WorkspaceAdmin {
  /** Making one again changes nothing. Throws: conflict, if it is another's. */
  readonly create: (
    workspace: {
      readonly id: WorkspaceId;
      readonly name?: string;
      readonly codec?: CodecName;
      readonly settings?: Partial<WorkspaceSettings>;
    },
    call?: CallOptions,
  ) => Promise<RemoteWorkspace>;
  /** Throws: not_found, for one the caller is no member of as for one that does not exist. */
  readonly get: (workspace: WorkspaceId, call?: CallOptions) => Promise<RemoteWorkspace>;
  readonly list: (query: ListQuery, call?: CallOptions) => Promise<Page<RemoteWorkspace>>;
  readonly update: (
    workspace: WorkspaceId,
    patch: { readonly name?: string; readonly settings?: Partial<WorkspaceSettings> },
    call?: CallOptions,
  ) => Promise<RemoteWorkspace>;
  readonly delete: (workspace: WorkspaceId, call?: CallOptions) => Promise<void>;
  readonly members: (workspace: WorkspaceId, query: ListQuery, call?: CallOptions) => Promise<Page<Membership>>;
  readonly setMember: (workspace: WorkspaceId, user: UserId, role: Role | undefined, call?: CallOptions) => Promise<void>;
}

interface PageJson<Item> {
  readonly items: readonly Item[];
  readonly next?: ListQuery;
}

export function workspaceAdmin(http: HttpClient): WorkspaceAdmin {
  const path = (workspace: WorkspaceId, rest = ''): string => `/workspaces/${segment(parseWorkspaceId(workspace))}${rest}`;
  return {
    create: async (json, call) => (await http.json({ method: 'POST', path: '/workspaces', json }, call)) as RemoteWorkspace,
    get: async (workspace, call) => (await http.json({ method: 'GET', path: path(workspace) }, call)) as RemoteWorkspace,
    list: async (query, call) => {
      const checked = checkListQuery(query, parseWorkspaceId);
      return (await http.json({ method: 'GET', path: '/workspaces', query: checked }, call)) as PageJson<RemoteWorkspace>;
    },
    update: async (workspace, json, call) => (await http.json({ method: 'PATCH', path: path(workspace), json }, call)) as RemoteWorkspace,
    delete: async (workspace, call) => {
      await http.call({ method: 'DELETE', path: path(workspace) }, call);
    },
    members: async (workspace, query, call) => {
      const checked = checkListQuery(query, parseUserId);
      return (await http.json({ method: 'GET', path: path(workspace, '/members'), query: checked }, call)) as PageJson<Membership>;
    },
    setMember: async (workspace, user, role, call) => {
      const member = path(workspace, `/members/${segment(parseUserId(user))}`);
      await http.call(role === undefined ? { method: 'DELETE', path: member } : { method: 'PUT', path: member, json: { role } }, call);
    },
  };
}
