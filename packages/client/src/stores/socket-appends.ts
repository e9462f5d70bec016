import { type AppendResult, type OpRecord, StoreError, type SyncTransport, type WorkspaceId } from '@spacestore/core';
import { type LinkedRoom, type SocketLink, socketLink } from './socket-link.ts';

export interface SocketAppendParts {
  readonly transport: SyncTransport;
  readonly endpoint: string;
  readonly token: () => string | Promise<string>;
  /** Runs the joining of a workspace, after making it where that is wanted. */
  readonly joining: <Result>(workspace: WorkspaceId, join: () => Promise<Result>) => Promise<Result>;
}

/** Appends over one socket, many at once: those that arrive in one turn share the server's commit. */
export interface SocketAppends {
  /** One atomic append; those to one workspace are judged in the order they were called. Throws: what the server refuses with, too_large if it
   *  fits into no frame, unavailable if the connection ended before the verdict: it may have been stored, and sending it again is harmless. */
  readonly append: (workspace: WorkspaceId, records: readonly OpRecord[]) => Promise<AppendResult>;
  readonly close: () => Promise<void>;
}

/** Workspaces kept joined on a connection: servers allow so many. */
const maxRooms = 64;

export function socketAppends({ transport, endpoint, token, joining }: SocketAppendParts): SocketAppends {
  let link: Promise<SocketLink> | undefined;
  /** The one used last stands last. */
  let rooms = new Map<WorkspaceId, Promise<LinkedRoom>>();

  const connect = async (): Promise<SocketLink> => socketLink(transport, endpoint, await token(), forget);
  const forget = (): void => {
    link = undefined;
    rooms = new Map();
  };
  const linked = (): Promise<SocketLink> => {
    link ??= connect().catch((error: unknown) => {
      forget();
      throw error;
    });
    return link;
  };

  /** Whoever appends first joins; the others wait for the same answer, so that nobody overtakes. */
  const roomOf = (open: SocketLink, workspace: WorkspaceId): Promise<LinkedRoom> => {
    const mine = rooms;
    const room =
      mine.get(workspace) ??
      joining(workspace, () => open.join(workspace)).catch((error: unknown) => {
        mine.delete(workspace);
        throw error;
      });
    mine.delete(workspace);
    mine.set(workspace, room);
    return room;
  };
  const leaveOldest = async (open: SocketLink): Promise<void> => {
    for (const [workspace, joined] of rooms) {
      if (rooms.size <= maxRooms) return;
      const room = await joined.catch(() => undefined);
      if (room === undefined || !open.has(room) || room.waiting.length > 0 || rooms.get(workspace) !== joined) continue;
      rooms.delete(workspace);
      open.leave(room);
    }
  };

  return {
    append: async (workspace, records) => {
      const open = await linked();
      for (;;) {
        const mine = rooms;
        const joined = roomOf(open, workspace);
        const room = await joined;
        if (open.has(room)) {
          const verdict = open.append(room, records);
          if (rooms.size > maxRooms) void leaveOldest(open);
          return verdict;
        }
        // Left meanwhile.
        if (open.ended()) throw new StoreError('unavailable', 'the connection has ended');
        if (mine.get(workspace) === joined) mine.delete(workspace);
      }
    },
    close: async () => {
      const open = await link?.catch(() => undefined);
      await open?.close();
    },
  };
}
