import type { AppendResult, OpStore, StoredRecord } from '../../src/contracts/op-store.ts';
import { StoreError, toStoreError } from '../../src/errors.ts';
import { parseUserId, type WorkspaceId } from '../../src/ids.ts';
import type { Cursor } from '../../src/log/cursor.ts';
import { decodeClientMessage, decodeServerMessage } from '../../src/sync/decode.ts';
import { encodeClientMessage, encodePage, encodeServerMessage } from '../../src/sync/encode.ts';
import { groupFrame } from '../../src/sync/group-frame.ts';
import type { ServerMessage } from '../../src/sync/messages.ts';
import { newServerSession, stepServerSession } from '../../src/sync/server-session.ts';
import type { FedGroup, GroupEntry, ServerEffect, ServerEvent } from '../../src/sync/server-session-types.ts';
import { limits, type ModelServer } from './model-server.ts';
import type { ServerEnd } from './simulated-network.ts';
import type { VirtualTime } from './virtual-time.ts';

const frameLimits = { maxFrameBytes: 2 ** 22, maxRecords: 10_000 };
const inflate = (): Promise<Uint8Array> => Promise.reject(new Error('nothing is compressed here'));

/** An event as the server's parts give it; the time is added. */
type Timeless<Event> = Event extends unknown ? Omit<Event, 'now'> : never;

interface Connection {
  readonly name: string;
  readonly dispatch: (event: Timeless<ServerEvent>) => void;
}

/** The server's end of the protocol over a store, as a server drives it: every message passes through its frame. One workspace. */
export function sessionServer(time: VirtualTime, ops: OpStore, workspace: WorkspaceId): ModelServer {
  const ws = 7;
  const attached = new Map<string, Connection>();
  let life = 0;
  let names = 0;
  let line: Promise<void> = Promise.resolve();
  let room: { position: number; cursor: Cursor | null } = { position: 0, cursor: null };

  const behind = (work: () => Promise<void>): void => {
    const born = life;
    line = line.then(async () => {
      if (born === life) await work();
    });
  };
  const findRoom = (): void =>
    behind(async () => {
      const head = await ops.head(workspace);
      room = { position: head?.position ?? 0, cursor: head?.cursor ?? null };
    });

  /** What was committed since the room last told, as one group. */
  const tell = async (author: string): Promise<void> => {
    const head = await ops.head(workspace);
    if (head === undefined || head.position === room.position) return;
    const records: StoredRecord[] = [];
    const from = room.position;
    let query: Parameters<OpStore['read']>[1] | undefined = { limit: 1000, ...(room.cursor && { after: room.cursor }) };
    while (query !== undefined) {
      const page = await ops.read(workspace, query);
      records.push(...page.records);
      query = page.next;
    }
    const entries: GroupEntry[] = [{ firstPosition: from + 1, records, block: undefined, author }];
    const group: FedGroup = { position: head.position, cursor: head.cursor, bytes: records.length * 100, entries, frames: new Map() };
    room = { position: head.position, cursor: head.cursor };
    for (const connection of attached.values()) connection.dispatch({ kind: 'group', ws, group, buffered: time.random() < 0.02 ? 1e9 : 0 });
  };

  const accept = (end: ServerEnd) => {
    const born = life;
    const name = `c${++names}`;
    let open = true;
    const session = newServerSession(
      {
        connection: name,
        limits,
        compress: [],
        handshakeMs: 5000,
        handshakeBytes: 4096,
        maxWorkspaces: 10,
        bufferBytes: 1500,
        stalledMs: 30_000,
      },
      Math.floor(time.now()),
    );
    const dispatch = (event: Timeless<ServerEvent>): void => {
      if (open && born === life) stepServerSession(session, { ...event, now: Math.floor(time.now()) } as ServerEvent, perform);
    };
    const connection: Connection = { name, dispatch };
    const sendFrame = (frame: Uint8Array): void => {
      const message = decodeServerMessage(frame, frameLimits, inflate);
      end.send(message as ServerMessage);
    };
    const perform = (effect: ServerEffect): void => {
      switch (effect.kind) {
        case 'send':
          sendFrame(encodeServerMessage(effect.message));
          return;
        case 'send-frame':
          sendFrame(effect.frame);
          return;
        case 'send-group': {
          const frame = groupFrame(effect.ws, effect.group, effect.wanted, name);
          if (frame !== undefined) sendFrame(frame);
          return;
        }
        case 'authenticate':
          time.after(2, () => dispatch({ kind: 'verified', user: parseUserId('somebody'), expiresAt: null }));
          return;
        case 'join':
          behind(async () => {
            const head = await ops.head(workspace);
            if (time.random() < 0.05)
              dispatch({ kind: 'join-failed', request: effect.request, error: new StoreError('unavailable', 'not now') });
            else
              dispatch({
                kind: 'joined',
                request: effect.request,
                workspace,
                ws,
                role: 'editor',
                codec: 'opaque',
                relay: true,
                taken: [],
                head: head ?? null,
                position: room.position,
                cursor: room.cursor,
              });
          });
          return;
        case 'attach':
          attached.set(name, connection);
          return;
        case 'detach':
          attached.delete(name);
          return;
        case 'append':
          behind(async () => {
            const { attachment, batch, records } = effect;
            let error: StoreError | undefined;
            let result: AppendResult | undefined;
            if (time.random() < 0.05) error = new StoreError('busy', 'not now');
            else
              try {
                result = await ops.append(workspace, records);
              } catch (cause) {
                error = toStoreError(cause);
              }
            await tell(name);
            dispatch({ kind: 'settled', ws, attachment, batch, error, result });
            dispatch({ kind: 'flush', ws });
          });
          return;
        case 'read': {
          const { pull, trees, after, through } = effect;
          const query = {
            limit: 1 + Math.floor(time.random() * 20),
            ...(after && { after }),
            ...(through && { through }),
            ...(trees && { trees: [...trees] }),
          };
          ops.read(workspace, query).then(
            (page) =>
              time.after(time.random() < 0.3 ? 50 * time.random() : 0, () =>
                dispatch({ kind: 'read', pull, records: page.records, next: page.next?.after ?? null, through: page.through ?? null }),
              ),
            (cause: unknown) => dispatch({ kind: 'read-failed', pull, error: toStoreError(cause), buffered: 0 }),
          );
          return;
        }
        case 'pack':
          void encodePage(effect.page, effect.how, inflate).then((frame) =>
            time.after(time.random() < 0.3 ? 20 * time.random() : 0, () =>
              dispatch({ kind: 'packed', pull: effect.pull, frame, buffered: 0 }),
            ),
          );
          return;
        case 'presence':
          return;
        case 'close':
          open = false;
          end.close();
          return;
      }
    };
    const tick = (): void => {
      if (!open || born !== life) return;
      dispatch({ kind: 'tick', buffered: 0, flushed: 0, paused: false });
      time.after(1000, tick);
    };
    time.after(1000, tick);
    return {
      receive: (message: Parameters<typeof encodeClientMessage>[0]) => {
        const frame = encodeClientMessage(message);
        dispatch({ kind: 'message', message: decodeClientMessage(frame, frameLimits), bytes: frame.length });
      },
      closed: () => {
        dispatch({ kind: 'message', message: { kind: 'bye', code: 'going_away', reason: '', reconnectAfterMs: null }, bytes: 1 });
        open = false;
        if (born === life) attached.delete(name);
      },
    };
  };

  const begin = (): void => {
    life++;
    attached.clear();
    line = Promise.resolve();
    findRoom();
  };
  begin();
  return {
    accept,
    restart: begin,
    restored: () => {
      const readers = [...attached.values()];
      line = Promise.resolve();
      findRoom();
      behind(async () => {
        for (const { dispatch } of readers)
          dispatch({ kind: 'ended', ws, error: new StoreError('stale_cursor', 'the workspace was restored') });
      });
    },
  };
}
