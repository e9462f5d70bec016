import {
  type AppendResult,
  type Cursor,
  decodeCursor,
  type Head,
  hasCode,
  type OpRecord,
  StoreError,
  type WorkspaceId,
} from '@spacestore/core';
import type { FedGroup } from '@spacestore/core/sync';
import type { Operations } from '../service/operations.ts';
import { readBehind } from './catch-up.ts';
import { type Committed, groupOf } from './committed.ts';
import { isHanded } from './handed.ts';
import { type PresenceBoard, presenceBoard } from './presence.ts';
import type { RoomMember } from './room-member.ts';

export interface RoomParts {
  readonly operations: Operations;
  /** Most bytes of one frame. */
  readonly frameBytes: number;
  /** Commits that no notice told of. */
  readonly foundByPoll: () => void;
  readonly report: (error: unknown) => void;
}

/** A workspace while connections are in it: COMMIT → fan-out → ACK, once for all that a turn committed. */
export interface Room {
  readonly ws: number;
  readonly workspace: WorkspaceId;
  readonly members: ReadonlyMap<string, RoomMember>;
  readonly presence: PresenceBoard;
  /** Sets the place from which on the room tells, once. */
  readonly open: (head: () => Promise<Head>) => Promise<void>;
  readonly position: () => number;
  readonly cursor: () => Cursor | null;
  readonly enter: (member: RoomMember) => void;
  readonly leave: (connection: string) => void;
  readonly appended: (records: readonly OpRecord[], result: AppendResult, origin: unknown) => void;
  /** A verdict of this member is due after the fan-out of the turn. */
  readonly settled: (connection: string) => void;
  readonly poll: () => Promise<void>;
  /** Sends everybody out. The room tells nothing from now on: its place may be of a history that is no more, so whoever comes again needs another. */
  readonly endAll: (error: StoreError) => void;
  readonly ended: () => boolean;
}

export function room(ws: number, workspace: WorkspaceId, parts: RoomParts): Room {
  const members = new Map<string, RoomMember>();
  const presence = presenceBoard(ws, members);
  let position = 0;
  let cursor: Cursor | null = null;
  let opening: Promise<void> | undefined;
  let opened = false;
  let committed: Committed[] = [];
  let due = new Set<string>();
  let planned = false;
  let catching = false;
  let ended = false;

  // All results of a commit group arrive in one run of microtasks; after it, and before any input, they are told together.
  const plan = (): void => {
    if (planned || catching || !opened) return;
    planned = true;
    process.nextTick(run);
  };
  const run = (): void => {
    planned = false;
    if (catching) return;
    const turn = committed;
    const waiting = due;
    committed = [];
    due = new Set();
    try {
      const told = groupOf(turn, position, cursor);
      if (told.kind === 'gap') {
        void catchUp(turn, waiting);
        return;
      }
      if (told.kind === 'group') tell(told.group);
    } catch (error) {
      parts.report(error);
      gap(position, cursor);
    }
    acknowledge(waiting);
  };
  const tell = (group: FedGroup): void => {
    // One call may be as large as a frame: told together with others it would not fit.
    if (group.bytes > parts.frameBytes - 4096) {
      gap(group.position, group.cursor);
      return;
    }
    ({ position, cursor } = group);
    for (const member of members.values()) {
      try {
        member.group(group);
      } catch (error) {
        parts.report(error);
        member.end(new StoreError('internal', 'unexpected failure: join again'));
      }
    }
  };
  const gap = (to: number, at: Cursor | null): void => {
    position = to;
    cursor = at;
    for (const member of members.values()) member.gap(to, at);
  };
  const acknowledge = (waiting: ReadonlySet<string>): void => {
    for (const connection of waiting) members.get(connection)?.flush();
  };
  const catchUp = async (turn: readonly Committed[], waiting: ReadonlySet<string>): Promise<void> => {
    catching = true;
    try {
      const [reader] = members.values();
      if (reader !== undefined) {
        const grant = reader.grant();
        const behind = await readBehind((query) => parts.operations.read(grant, query), cursor, position, turn, parts.frameBytes / 4);
        if (behind.kind === 'far') gap(behind.position, behind.cursor);
        else for (const group of behind.groups) tell(group);
      }
    } catch (error) {
      if (hasCode(error, 'stale_cursor')) endAll(replaced());
      else {
        parts.report(error);
        gap(position, cursor);
      }
    } finally {
      catching = false;
      acknowledge(waiting);
      if (committed.length > 0 || due.size > 0) plan();
    }
  };
  const endAll = (error: StoreError): void => {
    ended = true;
    for (const member of members.values()) member.end(error);
  };

  return {
    ws,
    workspace,
    members,
    presence,
    open: (head) => {
      opening ??= (async () => {
        try {
          const now = await head();
          position = now.position;
          cursor = now.cursor;
        } catch (error) {
          opening = undefined;
          throw error;
        }
        opened = true;
        plan();
      })();
      return opening;
    },
    position: () => position,
    cursor: () => cursor,
    enter: (member) => {
      members.set(member.connection, member);
      presence.welcome(member);
    },
    leave: (connection) => {
      members.delete(connection);
      presence.left(connection);
    },
    appended: (records, result, origin) => {
      committed.push({ records, result, handed: isHanded(origin) ? origin : undefined });
      plan();
    },
    settled: (connection) => {
      due.add(connection);
      plan();
    },
    poll: async () => {
      const [reader] = members.values();
      if (reader === undefined || !opened) return;
      const head = await parts.operations.head(reader.grant());
      // What this process committed itself is told in the same run of microtasks; only then a higher head is news.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      if (cursor !== null && decodeCursor(cursor).incarnation !== head.incarnation) {
        endAll(replaced());
        return;
      }
      if (head.epoch > reader.grant().epoch) await Promise.all([...members.values()].map((member) => member.recheck(undefined)));
      if (head.position <= position || planned || catching || committed.length > 0) return;
      parts.foundByPoll();
      await catchUp([], new Set());
    },
    endAll,
    ended: () => ended,
  };
}

/** The answer after a restore: joining again tells the lineage, and cursors are judged anew. */
export function replaced(): StoreError {
  return new StoreError('stale_cursor', 'the workspace was replaced by a backup: join again');
}
