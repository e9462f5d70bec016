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
/** Heads read at a time where other servers may have been missed. */
const lanes = 4;

export function hub(
  deps: Pick<SyncDeps, 'services' | 'events' | 'limits' | 'hinted'>,
  foundByPoll: () => void,
  report: (error: unknown) => void,
): Hub {
  const rooms = new Map<WorkspaceId, { readonly room: Room; users: number }>();
  let lastWs = 0;
  let changes = 0;
  let polling = false;
  let line: Room[] = [];
  let missed = 0;
  let looking = false;
  const parts = { operations: deps.services.operations, frameBytes: deps.limits.frameBytes, foundByPoll, report };

  const lookAtAll = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    try {
      for (let seen = -1; seen !== missed; ) {
        seen = missed; // should more be missed meanwhile, all is looked at again
        const all = [...rooms.values()].map((held) => held.room).values();
        const lane = async (): Promise<void> => {
          for (const next of all) await next.look('missed').catch(report);
        };
        await Promise.all(Array.from({ length: lanes }, lane));
      }
    } finally {
      looking = false;
    }
  };

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
    heard: (hint) => {
      if (hint.kind !== 'appended') changes++;
      rooms.get(hint.workspace)?.room.heard(hint);
    },
    missed: () => {
      changes++;
      missed++;
      void lookAtAll();
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
        for (const next of line.splice(0, polledAtOnce)) await next.look(deps.hinted ? 'patient poll' : 'poll').catch(report);
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
