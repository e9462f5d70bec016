import { type CallOptions, type CodecName, hasCode, type WorkspaceId } from '@spacestore/core';
import type { HttpClient } from './http.ts';

/** How a store of many workspaces sees a server that answers `not_found` to all who are not members. */
export interface WorkspaceAccess {
  /** Runs a change, after making the workspace if that is wanted. */
  readonly change: <Result>(workspace: WorkspaceId, work: () => Promise<Result>, call?: CallOptions) => Promise<Result>;
  /** Runs a read; for a workspace the caller would be the one to make, `absent`. */
  readonly read: <Result>(workspace: WorkspaceId, work: () => Promise<Result>, absent: () => Result, call?: CallOptions) => Promise<Result>;
}

/** Without `create` every refusal is told. With it the caller is taken for the only user there is, so that what they are no member of does not
 *  exist yet: made at the first change, and empty to read. That is asked of the list of workspaces, never guessed from a failed read. */
export function workspaceAccess(http: HttpClient, create: CodecName | undefined): WorkspaceAccess {
  const exists = async (workspace: WorkspaceId, call?: CallOptions): Promise<boolean> => {
    const after = workspace.length > 1 ? workspace.slice(0, -1) : undefined;
    let query: { after?: string; limit: number } | undefined = { limit: 100, ...(after !== undefined && { after }) };
    while (query !== undefined) {
      const page = (await http.json({ method: 'GET', path: '/workspaces', query }, call)) as {
        items: readonly { id: string }[];
        next?: { after?: string; limit: number };
      };
      if (page.items.some(({ id }) => id === workspace)) return true;
      if (page.items.some(({ id }) => id > workspace)) return false;
      query = page.next;
    }
    return false;
  };
  return {
    change: async (workspace, work, call) => {
      try {
        return await work();
      } catch (error) {
        if (create === undefined || !hasCode(error, 'not_found') || (await exists(workspace, call))) throw error;
      }
      await http.json({ method: 'POST', path: '/workspaces', json: { id: workspace, name: workspace, codec: create } }, call);
      return work();
    },
    read: async (workspace, work, absent, call) => {
      try {
        return await work();
      } catch (error) {
        if (create === undefined || !hasCode(error, 'not_found') || (await exists(workspace, call))) throw error;
        return absent();
      }
    },
  };
}
