import { randomBytes } from 'node:crypto';
import {
  type AppendOptions,
  type AppendResult,
  type CallOptions,
  type CheckedReadQuery,
  type CheckedVectorQuery,
  type Clock,
  checkAppendOptions,
  checkDropOptions,
  checkListQuery,
  checkReadQuery,
  checkRecords,
  checkVectorQuery,
  containsCounter,
  createLifetime,
  encodeVectorPlace,
  type OpRecord,
  type OpStore,
  type OpStoreCapabilities,
  type Page,
  pageOf,
  parseEpoch,
  parseTreeId,
  parseWorkspaceId,
  type ReadPage,
  refuseFenced,
  type StoredRecord,
  StoreError,
  staleCursor,
  stateVectorBuilder,
  systemClock,
  throwIfAborted,
  type VectorPage,
  type WorkspaceId,
} from '@spacestore/core';
import { openJournal } from './journal.ts';
import { applyEvent, cursorAt, type Event, headOf, idOf, type Log, type Logs, positionOf, rangesOf } from './log.ts';

export interface JsonOpStoreOptions {
  readonly dir: string;
  readonly clock?: Clock;
}

const capabilities: OpStoreCapabilities = {
  durable: 'power',
  multiHandle: false,
  multiProcess: false,
  integrity: false,
  secureDelete: false,
  fence: true,
  via: true,
  receivedAt: true,
  snapshot: false,
  maxBodyBytes: 1024 * 1024,
  maxCallRecords: 10_000,
};

/** Logs in memory, and a journal they are made of again. An example: everything is read at the start, and the journal only grows.
 *  Throws: corrupt, unavailable. */
export async function jsonOpStore({ dir, clock = systemClock }: JsonOpStoreOptions): Promise<OpStore> {
  const logs: Logs = new Map();
  const journal = await openJournal(dir, (event) => applyEvent(logs, event as Event));
  const lifetime = createLifetime();
  let last: Promise<unknown> = Promise.resolve();

  /** Changes wait for each other: each is judged by what is on disk. */
  const inTurn = async <Result>(call: CallOptions | undefined, work: () => Promise<Result>): Promise<Result> => {
    const before = last;
    const mine = (async () => {
      await Promise.allSettled([before]);
      throwIfAborted(call);
      return work();
    })();
    last = mine;
    return mine;
  };
  /** On disk first, then to be seen. */
  const commit = async (event: Event): Promise<void> => {
    await journal.add(event);
    applyEvent(logs, event);
  };

  const append = async (workspace: WorkspaceId, records: readonly OpRecord[], options: AppendOptions): Promise<AppendResult> => {
    const present = logs.get(workspace);
    checkEpoch(present, options.ifEpoch);
    const fresh = freshRecords(present, records);
    if (fresh.length > 0)
      await commit({
        kind: 'append',
        workspace,
        incarnation: newIncarnation(),
        receivedAt: Math.max(options.receivedAt ?? Math.trunc(clock.now()), present?.records.at(-1)?.receivedAt ?? 0),
        ...(options.via !== undefined && { via: options.via }),
        records: fresh.map(({ tree, peer, counter, body }) => [tree, peer, counter, Buffer.from(body).toString('base64')]),
      });
    const log = logs.get(workspace);
    const position = log?.records.length ?? 0;
    const named = records.at(-1);
    const committedAt = (named && log?.byId.get(idOf(named))?.position) ?? position;
    return { added: fresh.length, committedAt, through: log && cursorAt(log, position) };
  };

  return {
    contractVersion: 1,
    capabilities,
    append: (workspace, records, options, call) =>
      lifetime.run(call, () => {
        const id = parseWorkspaceId(workspace);
        const checked = checkRecords(records, capabilities).records;
        const how = checkAppendOptions(options, capabilities);
        return inTurn(call, () => append(id, checked, how));
      }),
    read: (workspace, query, call) => lifetime.run(call, () => readPage(logs.get(parseWorkspaceId(workspace)), checkReadQuery(query))),
    vector: (workspace, query, call) =>
      lifetime.run(call, () => vectorPage(logs.get(parseWorkspaceId(workspace)), checkVectorQuery(query))),
    trees: (workspace, query, call) =>
      lifetime.run(call, () => {
        const log = logs.get(parseWorkspaceId(workspace));
        return listed(new Set(log?.records.map(({ tree }) => tree)), checkListQuery(query, parseTreeId));
      }),
    workspaces: (query, call) => lifetime.run(call, () => listed(logs.keys(), checkListQuery(query, parseWorkspaceId))),
    head: (workspace, call) =>
      lifetime.run(call, () => {
        const log = logs.get(parseWorkspaceId(workspace));
        return log && headOf(log);
      }),
    fence: (workspace, epoch, call) =>
      lifetime.run(call, () => {
        const id = parseWorkspaceId(workspace);
        const wanted = parseEpoch(epoch);
        return inTurn(call, async () => {
          const present = logs.get(id)?.epoch;
          if (present !== undefined && present >= wanted) return present;
          await commit({ kind: 'fence', workspace: id, incarnation: newIncarnation(), epoch: wanted });
          return wanted;
        });
      }),
    drop: (workspace, options, call) =>
      lifetime.run(call, () => {
        const id = parseWorkspaceId(workspace);
        const ifEpoch = checkDropOptions(options, capabilities);
        return inTurn(call, async () => {
          const log = logs.get(id);
          if (!log) return;
          refuseFenced(log, ifEpoch);
          await commit({ kind: 'drop', workspace: id });
        });
      }),
    snapshot: (_workspace, call) => lifetime.run(call, () => noSnapshots()),
    restore: (_workspace, _snapshot, call) => lifetime.run(call, () => noSnapshots()),
    close: () => lifetime.close(journal.close),
  };
}

function newIncarnation(): string {
  return randomBytes(8).toString('hex');
}

function noSnapshots(): never {
  throw new StoreError('unsupported', 'this store makes no snapshots');
}

/** Throws: not_found, denied. */
function checkEpoch(log: Log | undefined, ifEpoch: number | undefined): void {
  if (ifEpoch === undefined) return;
  if (log === undefined) throw new StoreError('not_found', 'there is no such log');
  if (ifEpoch < log.epoch) throw new StoreError('denied', 'the log was fenced', { context: { epoch: log.epoch, ifEpoch } });
}

/** The records that are not there yet, each once. Throws: equivocation, naming every id that has other bytes. */
function freshRecords(log: Log | undefined, records: readonly OpRecord[]): readonly OpRecord[] {
  const fresh = new Map<string, OpRecord>();
  const refused = new Map<string, object>();
  for (const record of records) {
    const id = idOf(record);
    const known = log?.byId.get(id) ?? fresh.get(id);
    if (known === undefined) fresh.set(id, record);
    else if (Buffer.compare(known.body, record.body) !== 0)
      refused.set(id, { tree: record.tree, peer: record.peer, counter: record.counter });
  }
  if (refused.size === 0) return [...fresh.values()];
  throw new StoreError('equivocation', 'records are there under the same ids with other bytes', {
    context: { ids: [...refused.values()] },
  });
}

/** Throws: stale_cursor. */
function readPage(log: Log | undefined, { query, after, through }: CheckedReadQuery): ReadPage {
  if (log === undefined) {
    if (after || through) throw staleCursor(undefined);
    return { records: [], through: undefined };
  }
  const bound = through ? positionOf(log, through) : log.records.length;
  const start = after ? positionOf(log, after) : 0;
  const end = cursorAt(log, bound);
  const trees = query.trees && new Set(query.trees);
  const wanted = ({ tree, peer, counter, receivedAt }: StoredRecord): boolean =>
    (trees?.has(tree) ?? true) &&
    !(query.missing && containsCounter(query.missing, tree, peer, counter)) &&
    receivedAt >= (query.receivedFrom ?? Number.NEGATIVE_INFINITY) &&
    receivedAt < (query.receivedBefore ?? Number.POSITIVE_INFINITY);
  const records: StoredRecord[] = [];
  let bytes = 0;
  for (const record of log.records.slice(start, bound).filter(wanted)) {
    bytes += record.body.length;
    const full = records.length === query.limit || (records.length > 0 && bytes > (query.limitBytes ?? Number.POSITIVE_INFINITY));
    if (full) return { records, next: { ...query, after: cursorAt(log, record.position - 1), through: end }, through: end };
    records.push({ ...record, body: record.body.slice() });
  }
  return { records, through: end };
}

/** Throws: stale_cursor. */
function vectorPage(log: Log | undefined, { query, after, through }: CheckedVectorQuery): VectorPage {
  if (log === undefined) {
    if (through) throw staleCursor(undefined);
    return { vector: new Map(), through: undefined };
  }
  const bound = through ? positionOf(log, through) : log.records.length;
  const end = cursorAt(log, bound);
  const all = rangesOf(log, bound, query.trees);
  const done = after
    ? all.filter(({ tree, peer, range }) => !isBehind([tree, peer, range[1]], [after.tree, after.peer, after.counter]))
    : [];
  const page = all.slice(done.length, done.length + query.limit);
  const builder = stateVectorBuilder();
  for (const { tree, peer, range } of page) builder.addRange(tree, peer, range[0], range[1]);
  const last = page.at(-1);
  const more = last !== undefined && done.length + page.length < all.length;
  const place = more && encodeVectorPlace({ tree: last.tree, peer: last.peer, counter: last.range[1] });
  return { vector: builder.build(), ...(place && { next: { ...query, after: place, through: end } }), through: end };
}

type Place = readonly [tree: string, peer: string, counter: number];

function isBehind([tree, peer, counter]: Place, [otherTree, otherPeer, otherCounter]: Place): boolean {
  if (tree !== otherTree) return tree > otherTree;
  if (peer !== otherPeer) return peer > otherPeer;
  return counter > otherCounter;
}

/** A page of ids in byte order. */
function listed<Id extends string>(ids: Iterable<Id>, { after, limit }: { readonly after?: Id; readonly limit: number }): Page<Id> {
  const behind = [...ids].sort().filter((id) => after === undefined || id > after);
  return pageOf(behind.slice(0, limit + 1), limit, (id) => id);
}
