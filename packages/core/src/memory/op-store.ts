import { bytesToHex } from '@noble/hashes/utils.js';
import { bytesSource, drainSource, joinBytes } from '../byte-source.ts';
import type { CallOptions } from '../call.ts';
import { checkAppendOptions, checkDropOptions, parseEpoch, refuseFenced } from '../check-append-options.ts';
import { checkListQuery, checkReadQuery, checkVectorQuery } from '../check-queries.ts';
import { checkRecords } from '../check-records.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { AppendResult, OpStore, OpStoreCapabilities } from '../contracts/op-store.ts';
import { StoreError } from '../errors.ts';
import { getOrInsert } from '../get-or-insert.ts';
import { compareIds, parseTreeId, parseWorkspaceId, type WorkspaceId } from '../ids.ts';
import { createLifetime } from '../lifetime.ts';
import { staleCursor } from '../log/cursor.ts';
import { type Page, pageOf } from '../paging.ts';
import { type AppendCall, commitGroup } from './append-group.ts';
import { decodeLog, encodeLog } from './log-snapshot.ts';
import { createLog, headOf, type OpLog } from './op-log.ts';
import { readLog } from './read-log.ts';
import { vectorOfLog } from './vector-of-log.ts';

/** What a memory log store keeps its logs in: a second store on the same place, also after the first was closed, sees the same ones. */
export interface MemoryOpPlace {
  readonly logs: Map<WorkspaceId, OpLog>;
}

export interface MemoryOpOptions {
  readonly place?: MemoryOpPlace;
  readonly clock?: Clock;
  /** Makes the incarnations. */
  readonly randomBytes?: (length: number) => Uint8Array;
  /** Smaller limits, or a store that does not claim all it could: what is not claimed is refused as `unsupported`. */
  readonly capabilities?: Partial<
    Pick<OpStoreCapabilities, 'fence' | 'via' | 'receivedAt' | 'snapshot' | 'maxBodyBytes' | 'maxCallRecords'>
  >;
}

export function memoryOpPlace(): MemoryOpPlace {
  return { logs: new Map() };
}

const defaults: OpStoreCapabilities = {
  durable: 'none',
  multiHandle: true,
  multiProcess: false,
  integrity: false,
  secureDelete: false,
  fence: true,
  via: true,
  receivedAt: true,
  snapshot: true,
  maxBodyBytes: 16 * 1024 * 1024,
  maxCallRecords: 100_000,
};

/** A group takes no further call once it holds this much; a call is never split. */
const groupRecords = 256;
const groupBytes = 256 * 1024;

/** Logs in this process's memory: the executable form of the contract's laws, and a double for tests. */
export function memoryOpStore(options: MemoryOpOptions = {}): OpStore {
  const { place = memoryOpPlace(), clock = systemClock, randomBytes = webRandomBytes } = options;
  const capabilities: OpStoreCapabilities = { ...defaults, ...options.capabilities };
  const lifetime = createLifetime();
  const waiting = new Map<WorkspaceId, AppendCall[]>();

  const newIncarnation = (): string => bytesToHex(randomBytes(8));
  const createIn = (workspace: WorkspaceId, epoch: number): OpLog => {
    const log = createLog(workspace, newIncarnation(), [], epoch);
    place.logs.set(workspace, log);
    return log;
  };
  const requires = (claimed: boolean, what: string): void => {
    if (!claimed) throw new StoreError('unsupported', `this store has no ${what}`);
  };

  /** Commits what came in during this turn, in as few groups as the cap allows. */
  const commitWaiting = (workspace: WorkspaceId): void => {
    const calls = waiting.get(workspace) ?? [];
    waiting.delete(workspace);
    const log = { find: () => place.logs.get(workspace), create: () => createIn(workspace, 0) };
    for (const group of groupsOf(calls)) commitGroup(group, log, Math.trunc(clock.now()));
  };
  const enqueue = (workspace: WorkspaceId, call: Omit<AppendCall, 'resolve' | 'reject'>): Promise<AppendResult> =>
    new Promise((resolve, reject) => {
      const queue = getOrInsert(waiting, workspace, () => []);
      queue.push({ ...call, resolve, reject });
      if (queue.length === 1) queueMicrotask(() => commitWaiting(workspace));
    });

  return {
    contractVersion: 1,
    capabilities,

    append: (workspace, records, appendOptions, call) =>
      lifetime.run(call, () => {
        const id = parseWorkspaceId(workspace);
        const checked = { ...checkRecords(records, capabilities), options: checkAppendOptions(appendOptions, capabilities) };
        return enqueue(id, { ...checked, signal: call?.signal });
      }),

    read: (workspace, query, call) =>
      lifetime.run(call, () => {
        const log = place.logs.get(parseWorkspaceId(workspace));
        const checked = checkReadQuery(query);
        if (log) return readLog(log, checked);
        if (checked.after || checked.through) throw staleCursor(undefined);
        return { records: [], through: undefined };
      }),

    vector: (workspace, query, call) =>
      lifetime.run(call, () => {
        const log = place.logs.get(parseWorkspaceId(workspace));
        const checked = checkVectorQuery(query);
        if (log) return vectorOfLog(log, checked);
        if (checked.through) throw staleCursor(undefined);
        return { vector: new Map(), through: undefined };
      }),

    trees: (workspace, query, call) =>
      lifetime.run(call, () => {
        const log = place.logs.get(parseWorkspaceId(workspace));
        return pageOfIds(log?.trees.keys() ?? [], checkListQuery(query, parseTreeId));
      }),

    workspaces: (query, call) => lifetime.run(call, () => pageOfIds(place.logs.keys(), checkListQuery(query, parseWorkspaceId))),

    head: (workspace, call) =>
      lifetime.run(call, () => {
        const log = place.logs.get(parseWorkspaceId(workspace));
        return log && headOf(log);
      }),

    fence: (workspace, epoch, call) =>
      lifetime.run(call, () => {
        requires(capabilities.fence, 'fence');
        const id = parseWorkspaceId(workspace);
        const wanted = parseEpoch(epoch);
        const log = place.logs.get(id) ?? createIn(id, wanted);
        log.epoch = Math.max(log.epoch, wanted);
        return log.epoch;
      }),

    snapshot: (workspace, call) =>
      lifetime.run(call, () => {
        requires(capabilities.snapshot, 'snapshot');
        const log = place.logs.get(parseWorkspaceId(workspace));
        return log && bytesSource(encodeLog(log, log.records.length, log.epoch));
      }),

    restore: (workspace, snapshot, call) =>
      lifetime.run(call, async () => {
        requires(capabilities.snapshot, 'restore');
        const id = parseWorkspaceId(workspace);
        const old = decodeLog(await bytesOf(snapshot, call), id, capabilities);
        const forks = [{ incarnation: old.incarnation, forkedAt: headOf(old).cursor }, ...old.lineage];
        const epoch = Math.max(old.epoch, place.logs.get(id)?.epoch ?? 0);
        const log: OpLog = { ...old, incarnation: newIncarnation(), lineage: forks, epoch };
        place.logs.set(id, log);
        return headOf(log);
      }),

    drop: (workspace, dropOptions, call) =>
      lifetime.run(call, () => {
        const id = parseWorkspaceId(workspace);
        const ifEpoch = checkDropOptions(dropOptions, capabilities);
        const log = place.logs.get(id);
        if (log) refuseFenced(log, ifEpoch);
        place.logs.delete(id);
      }),

    close: () => lifetime.close(),
  };
}

function* groupsOf(calls: readonly AppendCall[]): Generator<readonly AppendCall[]> {
  let group: AppendCall[] = [];
  let records = 0;
  let bytes = 0;
  for (const call of calls) {
    group.push(call);
    records += call.records.length;
    bytes += call.bytes;
    if (records < groupRecords && bytes < groupBytes) continue;
    yield group;
    [group, records, bytes] = [[], 0, 0];
  }
  if (group.length > 0) yield group;
}

function pageOfIds<Id extends string>(ids: Iterable<Id>, { after, limit }: { readonly after?: Id; readonly limit: number }): Page<Id> {
  const sorted = [...ids].filter((id) => after === undefined || id > after).sort(compareIds);
  return pageOf(sorted.slice(0, limit + 1), limit, (id) => id);
}

async function bytesOf(source: Parameters<OpStore['restore']>[1], call: CallOptions | undefined): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const { sizeBytes } = await drainSource(source, { maxBytes: Number.MAX_SAFE_INTEGER, call }, (chunk) => {
    chunks.push(chunk.slice());
  });
  return joinBytes(chunks, sizeBytes);
}

function webRandomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}
