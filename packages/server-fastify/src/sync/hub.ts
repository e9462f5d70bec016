import type { UserId, WorkspaceId } from '@spacestore/core';
import { noSuchWorkspace } from '../service/grant.ts';
import type { SyncDeps } from '../sync-part.ts';
import { type Room, replaced, room } from './room.ts';

/** The workspaces that have connections in them. */
export interface Hub {
  /** The room of a workspace, never one that has ended; held until it is released as often as it was taken. */
  readonly take: (workspace: WorkspaceId) => Room;
  readonly release: (room: Room) => void;
  /** Rises with every change of any membership, and with every restore: who read a membership or a head before that must read it again. */
  readonly changes: () => number;
  /** Looks for commits that nobody told of, in some rooms at a time. */
  readonly poll: () => Promise<void>;
  readonly rooms: () => number;
  readonly close: () => void;
}

/** Rooms looked into at each poll. */
const polledAtOnce = 100;

export function hub(
  deps: Pick<SyncDeps, 'services' | 'events' | 'limits'>,
  foundByPoll: () => void,
  report: (error: unknown) => void,
): Hub {
  const rooms = new Map<WorkspaceId, { readonly room: Room; users: number }>();
  let lastWs = 0;
  let changes = 0;
  let polling = false;
  let line: Room[] = [];
  const parts = { operations: deps.services.operations, frameBytes: deps.limits.frameBytes, foundByPoll, report };

  const stop = deps.events.listen({
    membershipChanged: async (workspace, user: UserId | undefined) => {
      changes++;
      const held = rooms.get(workspace);
      if (held !== undefined) await Promise.all([...held.room.members.values()].map((member) => member.recheck(user)));
    },
    appended: (workspace, records, result, origin) => rooms.get(workspace)?.room.appended(records, result, origin),
    replaced: async (workspace) => {
      changes++;
      rooms.get(workspace)?.room.endAll(replaced());
    },
  });

  return {
    take: (workspace) => {
      const held = rooms.get(workspace);
      if (held !== undefined && !held.room.ended()) {
        held.users++;
        return held.room;
      }
      const fresh = room(++lastWs, workspace, parts);
      rooms.set(workspace, { room: fresh, users: 1 });
      return fresh;
    },
    release: (room) => {
      const held = rooms.get(room.workspace);
      if (held?.room === room && --held.users === 0) rooms.delete(room.workspace);
    },
    changes: () => changes,
    poll: async () => {
      if (polling) return;
      polling = true;
      try {
        if (line.length === 0) line = [...rooms.values()].map((held) => held.room);
        for (const next of line.splice(0, polledAtOnce)) await next.poll().catch(report);
      } finally {
        polling = false;
      }
    },
    rooms: () => rooms.size,
    close: () => {
      stop();
      for (const held of rooms.values()) held.room.endAll(noSuchWorkspace());
    },
  };
}
