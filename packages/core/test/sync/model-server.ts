import type { OpStore, StoredRecord } from '../../src/contracts/op-store.ts';
import type { RecordId } from '../../src/contracts/outbox.ts';
import { type StoreError, toStoreError } from '../../src/errors.ts';
import { parseUserId, type TreeId, type WorkspaceId } from '../../src/ids.ts';
import { type Cursor, decodeCursor } from '../../src/log/cursor.ts';
import type { ClientMessage, OpsUp, Pull, Sub, WireLimits } from '../../src/sync/messages.ts';
import type { Accepted, ServerEnd } from './simulated-network.ts';
import type { VirtualTime } from './virtual-time.ts';

export const limits: WireLimits = {
  maxFrameBytes: 2 ** 21,
  maxCallRecords: 1000,
  maxBodyBytes: 2 ** 20,
  maxCounterJump: 1_000_000,
  maxPeers: 100,
  presenceKeys: 8,
  presenceBytes: 4096,
  heartbeatMs: 10_000,
  pageBytes: 200,
};

interface Reader {
  readonly end: ServerEnd;
  readonly subs: Map<number, { readonly trees: ReadonlySet<TreeId> | null; fed: boolean }>;
  readonly own: Set<string>;
}

export interface ModelServer {
  readonly accept: (end: ServerEnd) => Accepted;
  /** Forgets everything but the log. */
  readonly restart: () => void;
  /** The log has another history now. */
  readonly restored: () => void;
}

/** The least server that keeps the protocol's promises, and misbehaves as far as they allow: it lags, is busy, answers late. One workspace. */
export function modelServer(time: VirtualTime, ops: OpStore, workspace: WorkspaceId): ModelServer {
  const readers = new Set<Reader>();
  let life = 0;
  let fannedOut = 0;
  let line: Promise<void> = Promise.resolve();
  const ws = 7;

  const behind = <Result>(work: () => Promise<Result>): void => {
    const born = life;
    line = line.then(async () => {
      if (born === life) await work();
    });
  };

  /** COMMIT → fan-out → ACK: everything committed and not yet told goes to those who are fed. */
  const fanOut = async (): Promise<Cursor | undefined> => {
    const head = await ops.head(workspace);
    if (head === undefined) return undefined;
    const records: StoredRecord[] = [];
    for (let query: { readonly limit: number } | undefined = { limit: 1000 }; query; ) {
      const page = await ops.read(workspace, query);
      records.push(...page.records.filter(({ position }) => position > fannedOut && position <= head.position));
      query = page.next;
    }
    fannedOut = Math.max(fannedOut, head.position);
    for (const reader of readers) {
      const fed = [...reader.subs.values()].filter((sub) => sub.fed);
      if (fed.length === 0) continue;
      const wanted = records.filter((record) => !reader.own.has(keyOf(record)) && fed.some(({ trees }) => trees?.has(record.tree) ?? true));
      if (wanted.length === 0) continue;
      const blocks = wanted.map((record) => ({ firstPosition: record.position, records: [record] }));
      reader.end.send({ kind: 'ops-down', ws, cursor: head.cursor, blocks });
    }
    return head.cursor;
  };

  const append = async (reader: Reader, { batch, records }: OpsUp): Promise<void> => {
    if (time.random() < 0.05) return reader.end.send(nack(batch, 'busy', []));
    for (const record of records) reader.own.add(keyOf(record));
    try {
      await ops.append(workspace, records);
    } catch (error) {
      const { code, context } = toStoreError(error);
      return reader.end.send(nack(batch, code, (context.ids ?? []) as readonly RecordId[]));
    }
    const cursor = await fanOut();
    const tailing = [...reader.subs.values()].some(({ fed }) => fed);
    reader.end.send({ kind: 'ack', ws, batch, cursor: tailing ? (cursor ?? null) : null });
  };

  const sub = async (reader: Reader, { sub: number, trees, cursor }: Sub): Promise<void> => {
    try {
      const { through } = await ops.read(workspace, { limit: 1, ...(cursor === null ? {} : { after: cursor }) });
      const fed = (through ?? null) === cursor && time.random() < 0.8 && fannedOut === positionOf(cursor);
      reader.subs.set(number, { trees: trees === null ? null : new Set(trees), fed });
      if (!fed) reader.end.send({ kind: 'lag', ws, sub: number });
    } catch (error) {
      reader.end.send(refused('sub', number, toStoreError(error)));
    }
  };

  const pull = async (reader: Reader, { sub: number, after, through }: Pull): Promise<void> => {
    const state = reader.subs.get(number);
    try {
      const page = await ops.read(workspace, {
        limit: 1 + Math.floor(time.random() * 20),
        ...(after === null ? {} : { after }),
        ...(through === null ? {} : { through }),
        ...(state?.trees ? { trees: [...state.trees] } : {}),
      });
      const born = life;
      time.after(time.random() < 0.3 ? 50 * time.random() : 0, () => {
        if (born !== life) return;
        const done = page.next === undefined;
        reader.end.send({
          kind: 'page',
          ws,
          sub: number,
          records: page.records,
          next: page.next?.after ?? null,
          through: page.through ?? null,
        });
        if (!done || state === undefined) return;
        state.fed = fannedOut <= positionOf(page.through ?? null);
        if (!state.fed) reader.end.send({ kind: 'lag', ws, sub: number });
      });
    } catch (error) {
      reader.end.send(refused('pull', number, toStoreError(error)));
    }
  };

  const join = async (reader: Reader, request: number): Promise<void> => {
    const head = await ops.head(workspace);
    if (time.random() < 0.05)
      return reader.end.send({ kind: 'refused', of: 'join', request, ws: null, code: 'unavailable', message: 'not now', context: {} });
    fannedOut = Math.max(fannedOut, 0);
    reader.end.send({
      kind: 'joined',
      request,
      workspace,
      ws,
      role: 'editor',
      codec: 'opaque',
      relay: true,
      taken: [],
      head: head === undefined ? null : { ...head, cursor: head.cursor },
    });
  };

  const receive = (reader: Reader, message: ClientMessage): void => {
    switch (message.kind) {
      case 'hello':
        reader.end.send({
          kind: 'welcome',
          version: 1,
          connection: `c${readers.size}`,
          user: parseUserId('somebody'),
          limits,
          compress: null,
          serverTime: time.now(),
        });
        return;
      case 'join':
        behind(() => join(reader, message.request));
        return;
      case 'sub':
        behind(() => sub(reader, message));
        return;
      case 'unsub':
        behind(async () => {
          reader.subs.delete(message.sub);
        });
        return;
      case 'pull':
        behind(() => pull(reader, message));
        return;
      case 'ops-up':
        behind(() => append(reader, message));
        return;
      case 'ping':
        reader.end.send({ kind: 'pong' });
        return;
      case 'auth':
      case 'leave':
      case 'presence-up':
      case 'pong':
      case 'bye':
        return;
    }
  };

  return {
    accept: (end) => {
      const reader: Reader = { end, subs: new Map(), own: new Set() };
      readers.add(reader);
      return { receive: (message) => receive(reader, message), closed: () => readers.delete(reader) };
    },
    restart: () => {
      life++;
      readers.clear();
      line = Promise.resolve();
      void ops.head(workspace).then((head) => {
        fannedOut = head?.position ?? 0;
      });
    },
    restored: () => {
      life++;
      line = Promise.resolve();
      void ops.head(workspace).then((head) => {
        fannedOut = head?.position ?? 0;
        for (const { end, subs } of readers) {
          subs.clear();
          end.send({ kind: 'left', ws, code: 'stale_cursor', message: 'the workspace was restored' });
        }
      });
    },
  };

  function nack(batch: number, code: StoreError['code'], ids: readonly RecordId[]) {
    return { kind: 'nack', ws, batch, code, message: 'refused', ids } as const;
  }
  function refused(of: 'sub' | 'pull', request: number, { code, message, context }: StoreError) {
    return { kind: 'refused', of, request, ws, code, message, context } as const;
  }
}

function keyOf({ tree, peer, counter }: RecordId): string {
  return `${tree}/${peer}/${counter}`;
}

function positionOf(cursor: Cursor | null): number {
  return cursor === null ? 0 : decodeCursor(cursor).position;
}
