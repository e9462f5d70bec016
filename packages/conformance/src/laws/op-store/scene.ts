import type { AppendOptions, OpRecord, OpStore, ReadQuery, StoredRecord, WorkspaceId } from '@spacestore/core';
import { LawBroken } from '../../check/broken.ts';
import { holds, nameOf, same, settle } from '../../check/expect.ts';
import { sameRecords, vectorWords, words } from '../../check/words.ts';
import { resolveAppend, type Step } from '../../gen/steps.ts';
import { appendTo, idOf, type LogModel, type ModelRecord, vectorOf } from '../../model/op-store.ts';
import type { LawContext, Room, Run } from '../../run/context.ts';
import { readAll, wholeVector } from './reading.ts';

/** A workspace of a real store beside its model. */
export interface Scene {
  readonly workspace: WorkspaceId;
  readonly room: Room<'op-store'>;
  readonly run: Run;
  readonly store: OpStore;
  readonly log: LogModel | undefined;
  readonly records: readonly ModelRecord[];
  /** Appends, and throws unless store and model agree about the outcome. Tells whether it was accepted. */
  readonly append: (records: readonly OpRecord[], options?: AppendOptions) => Promise<boolean>;
  /** Appends what each step means. */
  readonly build: (steps: readonly Step[]) => Promise<void>;
  readonly read: (query?: Partial<ReadQuery>) => Promise<readonly StoredRecord[]>;
  /** Throws unless reads, vector, trees and head agree with the model. */
  readonly verify: (what?: string) => Promise<void>;
  /** Continues with another model: after what the model does not know. */
  readonly become: (log: LogModel | undefined) => void;
}

/** A workspace no other case uses, in the law's shared room unless another is given. */
export async function openScene(context: LawContext<'op-store'>, run: Run, given?: Room<'op-store'>): Promise<Scene> {
  const room = given ?? (await context.shared());
  const workspace = run.fresh('w') as WorkspaceId;
  let log: LogModel | undefined;
  const append = async (records: readonly OpRecord[], options: AppendOptions = {}): Promise<boolean> => {
    const { maxCallRecords } = room.store.capabilities;
    if (records.length > maxCallRecords) return false;
    const expected = appendTo(log, records, options);
    run.say(`append  ${words(records)}${optionWords(options)}`);
    const outcome = await settle(() => room.store.append(workspace, records, options));
    run.count('appends accepted', expected.ok);
    if (!expected.ok) {
      const refusal = `expected to be refused as ${expected.code} (${expected.ids.join(', ')})`;
      if (outcome.ok) throw new LawBroken(`append: ${refusal}, but it was accepted with added ${outcome.value.added}`);
      if ((outcome.error as { code?: unknown }).code !== expected.code)
        throw new LawBroken(`append: ${refusal}, got ${nameOf(outcome.error)}`);
      return false;
    }
    if (!outcome.ok) throw new LawBroken(`append: expected to be accepted, got ${nameOf(outcome.error)}`, [], outcome.error);
    same(outcome.value.added, expected.added, 'added');
    log = expected.log;
    checkCommittedAt(outcome.value.committedAt, records, expected.added, log);
    return true;
  };
  const read: Scene['read'] = async (query = {}) => (await readAll(room.store, workspace, query)).records;
  return {
    workspace,
    room,
    run,
    get store() {
      return room.store;
    },
    get log() {
      return log;
    },
    get records() {
      return log?.records ?? [];
    },
    append,
    build: async (steps) => {
      for (const step of steps) await append(resolveAppend(step, log));
    },
    read,
    verify: async (what = 'read') => verifyLog(room.store, workspace, log, what),
    become: (other) => {
      log = other;
    },
  };
}

const optionWords = (options: AppendOptions): string => (Object.keys(options).length === 0 ? '' : `  ${JSON.stringify(options)}`);

function checkCommittedAt(at: number, records: readonly OpRecord[], added: number, log: LogModel | undefined): void {
  const positions = new Map((log?.records ?? []).map((record) => [idOf(record), record.position]));
  const own = records.map((record) => positions.get(idOf(record)) as number);
  if (records.length === 0) return;
  if (added === records.length) same(at, own.at(-1), 'committedAt');
  else holds(own.includes(at), `committedAt: expected a position of the call's records (${own.join(', ')}), got ${at}`);
}

/** Throws unless everything a store says of a workspace agrees with a model. */
export async function verifyLog(store: OpStore, workspace: WorkspaceId, log: LogModel | undefined, what: string): Promise<void> {
  const records = log?.records ?? [];
  sameRecords((await readAll(store, workspace)).records, records, what);
  same(vectorWords(await wholeVector(store, workspace)), vectorWords(sortedVector(records)), `${what}: vector`);
  const head = await store.head(workspace);
  if (log === undefined) return same(head, undefined, `${what}: head of an unknown workspace`);
  if (head === undefined) throw new LawBroken(`${what}: head is undefined, but the log has ${words(records)}`);
  same(head.position, records.length, `${what}: head.position`);
  same(head.records, records.length, `${what}: head.records`);
  same(
    head.bytes,
    records.reduce((sum, record) => sum + record.body.length, 0),
    `${what}: head.bytes`,
  );
  same(
    head.maxCounter,
    records.reduce((max, record) => Math.max(max, record.counter), -1),
    `${what}: head.maxCounter`,
  );
  const trees = [...new Set(records.map((record) => record.tree))].sort();
  same((await store.trees(workspace, { limit: 1000 })).items, trees, `${what}: trees`);
}

/** A vector in the order stores give it: trees, then peers, byte by byte. */
export function sortedVector(records: readonly ModelRecord[]): ReturnType<typeof vectorOf> {
  const byId = <Value>(entries: Iterable<readonly [string, Value]>): [never, Value][] =>
    [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, value]) => [id as never, value]);
  return new Map(byId(vectorOf(records)).map(([tree, peers]) => [tree, new Map(byId(peers))]));
}
