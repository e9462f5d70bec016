import type { CallOptions, FileEntry, Usage, WorkspaceId } from '@spacestore/core';
import type { ServiceParts } from './stores.ts';

/** Room for one file, taken from the workspace's quota before its bytes are stored. */
export interface Reservation {
  /** Takes as much as is needed for this many bytes. Throws: quota. */
  readonly grow: (bytes: number) => Promise<void>;
  /** Gives back what is not used, and leaves what the file added: bytes and files may be negative. Again it changes nothing. */
  readonly settle: (added: Usage) => Promise<void>;
}

/** Law: a workspace's usage is what its entries hold, plus the reservations that are open. Only a crash leaves more; `recount` mends that. */
export interface FileQuota {
  /** Throws: quota, if there is no room for that much more. */
  readonly reserve: (workspace: WorkspaceId, room: Usage, call?: CallOptions) => Promise<Reservation>;
  /** What this process has reserved and not yet settled. */
  readonly reserved: (workspace: WorkspaceId) => Usage;
  /** Books a difference that no limit keeps back. */
  readonly book: (workspace: WorkspaceId, delta: Usage) => Promise<void>;
}

/** An upload of unknown length takes its room in steps of this size, not byte by byte. */
const stepBytes = 8 * 1024 * 1024;
const noLimit: Usage = { fileBytes: Number.MAX_SAFE_INTEGER, files: Number.MAX_SAFE_INTEGER };
export const noUsage: Usage = { fileBytes: 0, files: 0 };

/** What an entry counts for. A pending one holds the room that was promised with its grant; the server's own uploads keep theirs beside it and
 *  announce themselves with no bytes. */
export function heldBy(entry: FileEntry | undefined): Usage {
  if (!entry || (entry.state !== 'ready' && entry.sizeBytes === 0)) return noUsage;
  return { fileBytes: entry.sizeBytes, files: 1 };
}

export function differenceOf(after: Usage, before: Usage): Usage {
  return { fileBytes: after.fileBytes - before.fileBytes, files: after.files - before.files };
}

export function fileQuota({ directory, limits }: Pick<ServiceParts, 'directory' | 'limits'>): FileQuota {
  const most = { fileBytes: limits.workspaceFileBytes, files: limits.workspaceFiles };
  const open = new Map<WorkspaceId, Set<{ taken: Usage }>>();

  const book: FileQuota['book'] = async (workspace, delta) => {
    if (delta.fileBytes !== 0 || delta.files !== 0) await directory.addUsage(workspace, delta, noLimit);
  };

  return {
    book,
    reserved: (workspace) =>
      [...(open.get(workspace) ?? [])].reduce(
        (sum, { taken }) => ({ fileBytes: sum.fileBytes + taken.fileBytes, files: sum.files + taken.files }),
        noUsage,
      ),
    reserve: async (workspace, room, call) => {
      const mine = { taken: noUsage };
      const all = open.get(workspace) ?? new Set();
      open.set(workspace, all.add(mine));
      const close = (): void => {
        all.delete(mine);
        if (all.size === 0 && open.get(workspace) === all) open.delete(workspace);
      };
      const take = async (more: Usage, options?: CallOptions): Promise<void> => {
        if (more.fileBytes === 0 && more.files === 0) return;
        await directory.addUsage(workspace, more, most, options);
        mine.taken = { fileBytes: mine.taken.fileBytes + more.fileBytes, files: mine.taken.files + more.files };
      };
      try {
        await take(room, call);
      } catch (error) {
        close();
        throw error;
      }
      let settled = false;
      return {
        grow: async (bytes) => {
          if (bytes > mine.taken.fileBytes) await take({ fileBytes: Math.max(stepBytes, bytes - mine.taken.fileBytes), files: 0 });
        },
        settle: async (added) => {
          if (settled) return;
          settled = true;
          close();
          await book(workspace, differenceOf(added, mine.taken));
        },
      };
    },
  };
}
