import {
  type AppendResult,
  type ChangeHint,
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
import { type Handed, isHanded } from './handed.ts';
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
  /** A member's append begins: should the log tell of it before the store answers, its author does not hear its own. */
  readonly handing: (handed: Handed) => void;
  /** The append ended; its verdict is due after the fan-out of the turn. */
  readonly settled: (handed: Handed) => void;
  /** Another server says so. */
  readonly heard: (hint: ChangeHint) => void;
  /** Looks at the head, and tells what is there. A patient poll leaves a round's time to what is on its way already; `missed` is no poll. */
  readonly look: (as: 'poll' | 'patient poll' | 'missed') => Promise<void>;
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
  const handing = new Set<Handed>();
  /** Where other servers say that the log is. */
  let hintedAt = 0;
  /** Where the last poll saw it. */
  let polledAt = 0;
  /** Members that are being looked at anew: what came after a revocation is read after it. */
  let rechecked: Promise<void> = Promise.resolve();
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
    const hinted = hintedAt;
    committed = [];
    due = new Set();
    hintedAt = 0;
    try {
      const told = groupOf(turn, position, cursor);
      if (told.kind === 'gap') {
        void catchUp(turn, waiting, hinted);
        return;
      }
      if (told.kind === 'group') tell(told.group);
    } catch (error) {
      parts.report(error);
      gap(position, cursor);
    }
    acknowledge(waiting);
    if (hinted > position) void catchUp([], new Set(), hinted);
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
  const catchUp = async (turn: readonly Committed[], waiting: ReadonlySet<string>, to: number): Promise<void> => {
    catching = true;
    try {
      await rechecked;
      const [reader] = members.values();
      if (reader === undefined) {
        hintedAt = Math.max(hintedAt, to, ...turn.map(({ result }) => result.committedAt)); // for whoever is coming in
      } else {
        const grant = reader.grant();
        const handed = () => [...handing, ...[...turn, ...committed].flatMap((each) => each.handed ?? [])];
        const behind = await readBehind((query) => parts.operations.read(grant, query), cursor, position, handed, parts.frameBytes / 4);
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
      if (committed.length > 0 || due.size > 0 || (hintedAt > position && members.size > 0)) plan();
    }
  };
  /** Rises where a membership changed: whoever was let in before has to be let in anew. */
  const recheckBelow = (epoch: number): Promise<void> => {
    const before = [...members.values()].filter((member) => member.grant().epoch < epoch);
    if (before.length > 0) rechecked = Promise.all([rechecked, ...before.map((member) => member.recheck(undefined))]).then(() => undefined);
    return rechecked;
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
      if (hintedAt > position) plan();
    },
    leave: (connection) => {
      members.delete(connection);
      presence.left(connection);
    },
    appended: (records, result, origin) => {
      committed.push({ records, result, handed: isHanded(origin) ? origin : undefined });
      plan();
    },
    handing: (handed) => void handing.add(handed),
    settled: (handed) => {
      handing.delete(handed);
      due.add(handed.connection);
      plan();
    },
    heard: (hint) => {
      switch (hint.kind) {
        case 'appended':
          hintedAt = Math.max(hintedAt, hint.position);
          if (hintedAt > position) plan();
          return;
        case 'fenced':
          void recheckBelow(hint.epoch).catch(parts.report);
          return;
        case 'replaced':
          endAll(replaced());
          return;
      }
    },
    look: async (as) => {
      const [reader] = members.values();
      if (reader === undefined || !opened) return;
      const told = position;
      const head = await parts.operations.head(reader.grant());
      // What this process committed itself is told in the same run of microtasks; only then a higher head is news.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      // A log that is shorter than what was told was set back with its database.
      if (head.position < told || (cursor !== null && decodeCursor(cursor).incarnation !== head.incarnation)) {
        endAll(replaced());
        return;
      }
      await recheckBelow(head.epoch);
      const isNew = as !== 'patient poll' || polledAt > position;
      polledAt = head.position;
      if (head.position <= position || !isNew || planned || catching || committed.length > 0) return;
      if (as !== 'missed') parts.foundByPoll();
      await catchUp([], new Set(), head.position);
    },
    endAll,
    ended: () => ended,
  };
}

/** The answer after a restore: joining again tells the lineage, and cursors are judged anew. */
export function replaced(): StoreError {
  return new StoreError('stale_cursor', 'the workspace was replaced by a backup: join again');
}
