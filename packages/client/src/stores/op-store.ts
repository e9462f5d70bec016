import {
  type AppendResult,
  type CallOptions,
  type Cursor,
  canonicalJson,
  checkAppendOptions,
  checkDropOptions,
  checkListQuery,
  checkReadQuery,
  checkRecords,
  checkVectorQuery,
  createLifetime,
  decodeCursor,
  encodeStateVector,
  type Fork,
  type Head,
  type OpRecord,
  type OpStore,
  type OpStoreCapabilities,
  parseCursor,
  parseStateVector,
  parseTreeId,
  parseWorkspaceId,
  type StoredRecord,
  StoreError,
  staleCursor,
  type WorkspaceId,
} from '@spacestore/core';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { type HttpClient, segment } from './http.ts';
import type { SocketAppends } from './socket-appends.ts';
import type { WorkspaceAccess } from './workspace-access.ts';

export interface RemoteLimits {
  readonly maxBodyBytes: number;
  readonly maxCallRecords: number;
}

interface RecordJson {
  readonly tree: string;
  readonly peer: string;
  readonly counter: number;
  readonly op?: readonly unknown[];
  readonly body?: string;
  readonly position: number;
  readonly receivedAt: number;
}

interface PageJson {
  readonly records: readonly RecordJson[];
  readonly next?: { readonly after: string };
  readonly through?: string;
}

const unlimited = { maxPeers: Number.MAX_SAFE_INTEGER, maxRanges: Number.MAX_SAFE_INTEGER };
const text = new TextEncoder();

/** A server's logs as an OpStore: each append is one request, or one batch over the socket, and one verdict. */
export function remoteOpStore(http: HttpClient, access: WorkspaceAccess, limits: RemoteLimits, socket?: SocketAppends): OpStore {
  const capabilities: OpStoreCapabilities = {
    durable: 'none', // what the server's own store promises is not told over the wire
    multiHandle: true,
    multiProcess: true,
    integrity: false,
    secureDelete: false,
    fence: false,
    via: false,
    receivedAt: false,
    snapshot: false,
    maxBodyBytes: limits.maxBodyBytes,
    maxCallRecords: limits.maxCallRecords,
  };
  const lifetime = createLifetime();
  const unsupported = async (): Promise<never> => {
    throw new StoreError('unsupported', 'a server does this by itself, not for its clients');
  };
  const path = (workspace: WorkspaceId, rest: string): string => `/workspaces/${segment(workspace)}/${rest}`;

  const send = async (workspace: WorkspaceId, records: readonly OpRecord[]): Promise<AppendResult> => {
    const json = { records: records.map(({ body, ...id }) => ({ ...id, body: encodeBase64(body) })) };
    const { added, committedAt, through } = (await http.json({ method: 'POST', path: path(workspace, 'operations'), json })) as {
      added: number;
      committedAt: number;
      through?: string;
    };
    return { added, committedAt, through: through === undefined ? undefined : parseCursor(through) };
  };

  /** Requests may overtake each other on their way: appends to one workspace leave one after the other, as they were called. */
  const lines = new Map<WorkspaceId, Promise<unknown>>();
  const inTurn = async <Result>(workspace: WorkspaceId, work: () => Promise<Result>): Promise<Result> => {
    const turn = Promise.resolve(lines.get(workspace)).then(work);
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    lines.set(workspace, settled);
    try {
      return await turn;
    } finally {
      if (lines.get(workspace) === settled) lines.delete(workspace);
    }
  };
  /** Where workspaces are made at the first append, one that has no record yet is as good as unknown. */
  const headIn = (id: WorkspaceId, call?: CallOptions): Promise<Head | undefined> =>
    access.read<Head | undefined>(
      id,
      async () => {
        const head = headOf(await http.json({ method: 'GET', path: path(id, 'head') }, call));
        return access.creates && head.position === 0 ? undefined : head;
      },
      () => undefined,
      call,
    );
  const throughOf = (through: string | undefined): Cursor | undefined => {
    const cursor = through === undefined ? undefined : parseCursor(through);
    return cursor !== undefined && access.creates && decodeCursor(cursor).position === 0 ? undefined : cursor;
  };

  return {
    contractVersion: 1,
    capabilities,

    append: (workspace, records, options, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        checkAppendOptions(options, capabilities);
        const checked = checkRecords(records, capabilities).records;
        if (checked.length > 0 && socket !== undefined) return access.change(id, () => socket.append(id, checked));
        if (checked.length > 0) return inTurn(id, () => access.change(id, () => send(id, checked)));
        // An empty append creates nothing.
        return access.read(
          id,
          () => send(id, []),
          () => ({ added: 0, committedAt: 0, through: undefined }),
        );
      }),

    read: (workspace, query, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        const { query: checked } = checkReadQuery(query);
        const { missing, trees, ...rest } = checked;
        const json = { ...rest, ...(trees && { trees }), ...(missing && { missing: encodeStateVector(missing) }) };
        const ask = () => http.json({ method: 'POST', path: path(id, 'operations/query'), json }, call) as Promise<PageJson>;
        const page = await access.read(id, ask, () => absentPage(checked), call);
        const through = throughOf(page.through);
        const next = page.next && through && { ...checked, after: parseCursor(page.next.after), through };
        return { records: page.records.map(recordOf), through, ...(next && { next }) };
      }),

    vector: (workspace, query, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        const { query: checked } = checkVectorQuery(query);
        const ask = () =>
          http.json({ method: 'POST', path: path(id, 'vector/query'), json: checked }, call) as Promise<{
            vector: unknown;
            next?: { after: string };
            through?: string;
          }>;
        const page = await access.read(id, ask, () => absentVector(checked.through), call);
        const through = throughOf(page.through);
        const next = page.next && through && { ...checked, after: page.next.after, through };
        return { vector: parseStateVector(page.vector, unlimited), through, ...(next && { next }) };
      }),

    trees: (workspace, query, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        const checked = checkListQuery(query, parseTreeId);
        const ask = () => http.json({ method: 'GET', path: path(id, 'trees'), query: checked }, call) as Promise<ListJson>;
        const { items, next } = await access.read(id, ask, () => ({ items: [] }), call);
        return { items: items.map(parseTreeId), ...continued(next, checked.limit) };
      }),

    workspaces: (query, call) =>
      lifetime.run(call, async () => {
        const checked = checkListQuery(query, parseWorkspaceId);
        const page = (await http.json({ method: 'GET', path: '/workspaces', query: checked }, call)) as {
          items: readonly { id: string }[];
          next?: ListJson['next'];
        };
        const ids = page.items.map(({ id }) => parseWorkspaceId(id));
        const items: WorkspaceId[] = [];
        for (const id of ids) if (!access.creates || (await headIn(id, call)) !== undefined) items.push(id);
        return { items, ...continued(page.next, checked.limit) };
      }),

    head: (workspace, call) => lifetime.run(call, () => headIn(parseWorkspaceId(workspace), call)),

    fence: (_workspace, _epoch, call) => lifetime.run(call, unsupported),
    snapshot: (_workspace, call) => lifetime.run(call, unsupported),
    restore: (_workspace, _snapshot, call) => lifetime.run(call, unsupported),

    drop: (workspace, options, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        checkDropOptions(options, capabilities);
        await access.read(
          id,
          async () => {
            await http.call({ method: 'DELETE', path: `/workspaces/${segment(id)}` });
          },
          () => undefined,
        );
      }),

    close: () => lifetime.close(() => socket?.close()),
  };
}

interface ListJson {
  readonly items: readonly string[];
  readonly next?: { readonly after?: string };
}

function continued(next: ListJson['next'], limit: number): { readonly next?: { readonly after: string; readonly limit: number } } {
  return next?.after === undefined ? {} : { next: { after: next.after, limit } };
}

function absentPage({ after, through }: { readonly after?: Cursor; readonly through?: Cursor }): PageJson {
  if (after !== undefined || through !== undefined) throw staleCursor(undefined);
  return { records: [] };
}

function absentVector(through: Cursor | undefined): {
  readonly vector: unknown;
  readonly next?: { after: string };
  readonly through?: string;
} {
  if (through !== undefined) throw staleCursor(undefined);
  return { vector: {} };
}

function recordOf({ tree, peer, counter, op, body, position, receivedAt }: RecordJson): StoredRecord {
  const bytes = op === undefined ? decodeBase64(body) : text.encode(canonicalJson(op));
  return { tree: parseTreeId(tree), peer: peer as StoredRecord['peer'], counter, body: bytes, position, receivedAt };
}

function headOf(json: unknown): Head {
  const { incarnation, lineage, cursor, position, epoch, records, bytes, maxCounter } = json as Head;
  const forks = lineage.map((fork): Fork => ({ incarnation: fork.incarnation, forkedAt: parseCursor(fork.forkedAt) }));
  return { incarnation, lineage: forks, cursor: parseCursor(cursor), position, epoch, records, bytes, maxCounter };
}
