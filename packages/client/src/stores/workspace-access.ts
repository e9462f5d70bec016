import { type CallOptions, type CodecName, hasCode, type WorkspaceId } from '@spacestore/core';
import type { HttpClient } from './http.ts';

/** How a store of many workspaces sees a server that answers `not_found` to all who are not members. */
export interface WorkspaceAccess {
  /** Whether it makes workspaces: then one without a record is as good as unknown. */
  readonly creates: boolean;
  /** Makes the workspace beforehand, if that is wanted: for work that is not to be begun twice. */
  readonly ensure: (workspace: WorkspaceId, call?: CallOptions) => Promise<void>;
  /** Runs a change, after making the workspace if that is wanted. */
  readonly change: <Result>(workspace: WorkspaceId, work: () => Promise<Result>, call?: CallOptions) => Promise<Result>;
  /** Runs a read; for a workspace the caller would be the one to make, `absent`. */
  readonly read: <Result>(workspace: WorkspaceId, work: () => Promise<Result>, absent: () => Result, call?: CallOptions) => Promise<Result>;
}

const makeAttempts = 40;
const makeWaitMs = 25;
/** Times a read is answered `not_found` for a workspace that is listed right after, before that is the answer: each takes another to make it anew. */
const readAttempts = 5;

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
  const make = async (workspace: WorkspaceId, codec: CodecName, call?: CallOptions): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        await http.json({ method: 'POST', path: '/workspaces', json: { id: workspace, name: workspace, codec } }, call);
        return;
      } catch (error) {
        // One of that name that is just being deleted goes away by itself; another's stays, and is the answer.
        if (!hasCode(error, 'conflict') || attempt === makeAttempts) throw error;
        await new Promise((resolve) => setTimeout(resolve, makeWaitMs));
      }
    }
  };
  return {
    creates: create !== undefined,
    ensure: async (workspace, call) => {
      if (create !== undefined && !(await exists(workspace, call))) await make(workspace, create, call);
    },
    change: async (workspace, work, call) => {
      try {
        return await work();
      } catch (error) {
        if (create === undefined || !hasCode(error, 'not_found')) throw error;
      }
      // Another call may have made it meanwhile: then the work is only done again.
      if (!(await exists(workspace, call))) await make(workspace, create, call);
      return work();
    },
    read: async (workspace, work, absent, call) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await work();
        } catch (error) {
          if (create === undefined || !hasCode(error, 'not_found')) throw error;
          if (!(await exists(workspace, call))) return absent();
          // It is there now: another made it between the refusal and the list, so the refusal is old news and the question is asked again.
          if (attempt === readAttempts) throw error;
        }
      }
    },
  };
}
