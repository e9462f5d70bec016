import { checkAppendOptions, checkDropOptions, parseEpoch, refuseFenced } from '../check-append-options.ts';
import { checkListQuery, checkReadQuery, checkVectorQuery } from '../check-queries.ts';
import { checkRecords } from '../check-records.ts';
import type { Clock } from '../clock.ts';
import type { ByteSource } from '../contracts/blob-store.ts';
import type { AppendResult, Head, OpStore, OpStoreCapabilities } from '../contracts/op-store.ts';
import { hasCode } from '../errors.ts';
import { compareIds, parseTreeId, parseWorkspaceId, type WorkspaceId } from '../ids.ts';
import { createLifetime } from '../lifetime.ts';
import { pageOf } from '../paging.ts';
import type { Session, SqlWorkspaces } from './database.ts';
import { type GroupLimits, type GroupVerdict, groupCommit, type Schedule } from './group-commit.ts';
import { type AppendCall, type AppendVerdict, appendGroup, refuseByEpoch } from './log/append-group.ts';
import { knownHeads } from './log/known-heads.ts';
import { type HeadRow, newHead, publicHead, readHead, writeHead } from './log/log-head.ts';
import { type LogNames, newNames, readNames } from './log/log-names.ts';
import type { LogState } from './log/log-state.ts';
import { readPage } from './log/read-page.ts';
import { readVector } from './log/read-vector.ts';
import { run, type Sql } from './sql.ts';

/** How an engine copies a whole workspace out and in. */
export interface WorkspaceCopies {
  readonly snapshot: (workspace: WorkspaceId, signal?: AbortSignal) => Promise<ByteSource | undefined>;
  readonly restore: (workspace: WorkspaceId, snapshot: ByteSource, signal?: AbortSignal) => Promise<Head>;
}

export interface SqlOpStoreOptions {
  readonly clock: Clock;
  readonly schedule: Schedule;
  readonly group: GroupLimits;
  readonly capabilities: OpStoreCapabilities;
  readonly copies: WorkspaceCopies;
}

/** Logs in SQL databases, one for each workspace. */
export function sqlOpStore(workspaces: SqlWorkspaces, options: SqlOpStoreOptions): OpStore {
  const { capabilities, clock, copies } = options;
  const lifetime = createLifetime();
  const heads = knownHeads();
  const states = new WeakMap<Session, LogState>();
  const names = new WeakMap<Session, LogNames>();

  const commit = async (workspace: WorkspaceId, calls: readonly AppendCall[]): Promise<readonly AppendVerdict[]> => {
    const createsLog = calls.some((call) => call.records.length > 0 && call.ifEpoch === undefined);
    let used: Session | undefined;
    const done = await workspaces.write(workspace, createsLog, (session) => {
      const known = states.get(session);
      const knownNames = names.get(session);
      // Kept again only after the commit: what a failed transaction knew is not true.
      states.delete(session);
      names.delete(session);
      used = session;
      return appendGroup(session, heads, known, knownNames, calls, Math.floor(clock.now()));
    });
    if (done === undefined) return calls.map(judgeWithoutLog);
    if (used && done.state.head) {
      states.set(used, done.state);
      names.set(used, done.state.names);
    } else if (createsLog) await workspaces.tidy(workspace);
    return done.verdicts;
  };
  const groups = groupCommit<WorkspaceId, AppendCall, AppendResult>(options.schedule, options.group, commit);

  return {
    contractVersion: 1,
    capabilities,

    append: (given, records, appendOptions, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        const checkedOptions = checkAppendOptions(appendOptions, capabilities);
        const { records: copies, bytes } = checkRecords(records, capabilities);
        return groups.add(workspace, { ...checkedOptions, records: copies, bytes }, call);
      }),

    read: (given, query, call) =>
      lifetime.run(call, async () => {
        const workspace = parseWorkspaceId(given);
        const checked = checkReadQuery(query);
        const page = await workspaces.read(workspace, function* (session) {
          const head = yield* heads.read(session);
          return yield* readPage(head, namesOf(names, session, head), checked);
        });
        return page ?? (await withoutLog(readPage(undefined, newNames(''), checked)));
      }),

    vector: (given, query, call) =>
      lifetime.run(call, async () => {
        const workspace = parseWorkspaceId(given);
        const checked = checkVectorQuery(query);
        const page = await workspaces.read(workspace, function* (session) {
          const head = yield* heads.read(session);
          return yield* readVector(head, namesOf(names, session, head), checked);
        });
        return page ?? (await withoutLog(readVector(undefined, newNames(''), checked)));
      }),

    trees: (given, query, call) =>
      lifetime.run(call, async () => {
        const workspace = parseWorkspaceId(given);
        const { after, limit } = checkListQuery(query, parseTreeId);
        const found = await workspaces.read(workspace, function* (session) {
          const head = yield* heads.read(session);
          if (!head) return [];
          const known = namesOf(names, session, head);
          yield* readNames(known, head);
          return [...known.tree.ids.keys()].filter((tree) => after === undefined || tree > after).sort(compareIds);
        });
        return pageOf((found ?? []).slice(0, limit + 1), limit, (tree) => tree);
      }),

    workspaces: (query, call) =>
      lifetime.run(call, async () => {
        const { after, limit } = checkListQuery(query, parseWorkspaceId);
        const found: WorkspaceId[] = [];
        for (const workspace of await workspaces.list()) {
          if (after !== undefined && workspace <= after) continue;
          if (await hasLog(workspaces, workspace)) found.push(workspace);
          if (found.length > limit) break;
        }
        return pageOf(found, limit, (workspace) => workspace);
      }),

    head: (given, call) =>
      lifetime.run(call, async () => {
        const head = await workspaces.read(parseWorkspaceId(given), heads.read);
        return head && publicHead(head);
      }),

    fence: (given, epoch, call) =>
      lifetime.run(call, async () => {
        const workspace = parseWorkspaceId(given);
        parseEpoch(epoch);
        await groups.settle(workspace);
        return (await workspaces.write(workspace, true, () => raiseEpoch(epoch))) as number;
      }),

    snapshot: (given, call) => lifetime.run(call, () => copies.snapshot(parseWorkspaceId(given), call?.signal)),

    restore: (given, snapshot, call) =>
      lifetime.run(call, async () => {
        const workspace = parseWorkspaceId(given);
        await groups.settle(workspace);
        return copies.restore(workspace, snapshot, call?.signal);
      }),

    drop: (given, dropOptions, call) =>
      lifetime.run(call, async () => {
        const workspace = parseWorkspaceId(given);
        const ifEpoch = checkDropOptions(dropOptions, capabilities);
        await groups.settle(workspace);
        await workspaces.write(workspace, false, () => dropLog(ifEpoch));
        await workspaces.tidy(workspace);
      }),

    close: () => lifetime.close(() => workspaces.release()),
  };
}

/** The names a session knows: good for one history only, since another one counts anew. */
function namesOf(names: WeakMap<Session, LogNames>, session: Session, head: HeadRow | undefined): LogNames {
  const incarnation = head?.incarnation ?? '';
  const known = names.get(session);
  if (known?.incarnation === incarnation) return known;
  const fresh = newNames(incarnation);
  names.set(session, fresh);
  return fresh;
}

/** An answer that needs no database. */
async function withoutLog<Result>(work: Sql<Result>): Promise<Result> {
  const step = work.next();
  if (!step.done) throw new TypeError('asked a database that is not there');
  return step.value;
}

function judgeWithoutLog(call: AppendCall): GroupVerdict<AppendResult> {
  try {
    refuseByEpoch(undefined, call.ifEpoch);
    return { result: { added: 0, committedAt: 0, through: undefined } };
  } catch (error) {
    if (hasCode(error, 'not_found')) return { error };
    throw error;
  }
}

/** A workspace whose file cannot be read is listed: it is there, and reading it will say what is wrong. */
async function hasLog(workspaces: SqlWorkspaces, workspace: WorkspaceId): Promise<boolean> {
  try {
    return (await workspaces.read(workspace, () => readHead())) !== undefined;
  } catch (error) {
    if (hasCode(error, 'corrupt', 'unsupported')) return true;
    throw error;
  }
}

function* raiseEpoch(epoch: number): Sql<number> {
  const head = (yield* readHead()) ?? newHead();
  const raised = Math.max(head.epoch, epoch);
  yield* writeHead({ ...head, epoch: raised });
  return raised;
}

function* dropLog(ifEpoch: number | undefined): Sql<true> {
  const head = ifEpoch === undefined ? undefined : yield* readHead();
  if (head) refuseFenced(head, ifEpoch);
  yield* run('UPDATE meta SET has_log = 0');
  for (const table of ['head', 'chain', 'record', 'tree', 'peer', 'author', 'spaces']) yield* run(`DELETE FROM ${table}`);
  return true;
}
