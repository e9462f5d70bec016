import { checkAppendOptions, checkDropOptions, parseEpoch, refuseFenced } from '../../check-append-options.ts';
import { checkListQuery, checkReadQuery, checkVectorQuery } from '../../check-queries.ts';
import { checkRecords } from '../../check-records.ts';
import type { Clock } from '../../clock.ts';
import type { AppendResult, OpStore, OpStoreCapabilities } from '../../contracts/op-store.ts';
import { isStoreError, StoreError } from '../../errors.ts';
import { parseTreeId, parseWorkspaceId, type TreeId, type WorkspaceId } from '../../ids.ts';
import { createLifetime } from '../../lifetime.ts';
import { pageOf } from '../../paging.ts';
import type { GroupLimits, Schedule } from '../group-commit.ts';
import type { AppendCall } from '../log/append-group.ts';
import type { WorkspaceCopies } from '../sql-op-store.ts';
import { appendGroups, headsMoved } from './append-groups.ts';
import type { PostgresDatabase } from './database.ts';
import { headsOf, insertHeads, lockHeads, newHead, publicHead, replaceHead, type SharedHead, selectHead } from './log-head.ts';
import { logStates } from './log-state.ts';
import { readPage } from './read-page.ts';
import { readVector } from './read-vector.ts';
import { type KeyGroup, type KeyOutcome, sharedCommit } from './shared-commit.ts';
import type { PostgresTransaction } from './transaction.ts';

export interface PostgresOpStoreOptions {
  readonly clock: Clock;
  readonly schedule: Schedule;
  readonly group: GroupLimits;
  /** Transactions that append at the same time. */
  readonly writers: number;
  /** Logs remembered between appends. */
  readonly maxKnownLogs: number;
  readonly capabilities: OpStoreCapabilities;
  readonly copies: WorkspaceCopies;
}

/** Logs in tables that all workspaces share. */
export function postgresOpStore(database: PostgresDatabase, options: PostgresOpStoreOptions): OpStore {
  const { capabilities, clock, copies } = options;
  const lifetime = createLifetime();
  const states = logStates(options.maxKnownLogs);

  const appendOnce = async (groups: readonly KeyGroup<WorkspaceId, AppendCall>[]): Promise<readonly KeyOutcome<AppendResult>[]> => {
    const known = groups.map(({ key, calls }) => ({ workspace: key, calls, known: states.take(key) }));
    const outcomes = await database.transact({ mode: 'write', binding: known.map(({ workspace }) => workspace) }, (transaction) =>
      appendGroups(transaction, known, Math.floor(clock.now())),
    );
    return outcomes.map(({ verdicts, state }, i) => {
      if (state) states.put((known[i] as (typeof known)[number]).workspace, state);
      return verdicts;
    });
  };

  const appendAlone = async (group: KeyGroup<WorkspaceId, AppendCall>): Promise<KeyOutcome<AppendResult>> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return (await appendOnce([group]))[0] as KeyOutcome<AppendResult>;
      } catch (error) {
        if (error === headsMoved && attempt < 3) continue;
        return isStoreError(error) ? error : new StoreError('internal', 'an append failed', { cause: error });
      }
    }
  };

  /** What fails for several is tried for each by itself: what is wrong with one workspace must not be the others' failure. Not where the database can't be
   *  reached: that would only take longer. */
  const commit = async (groups: readonly KeyGroup<WorkspaceId, AppendCall>[]): Promise<readonly KeyOutcome<AppendResult>[]> => {
    const [first] = groups;
    if (groups.length === 1 && first) return [await appendAlone(first)];
    try {
      return await appendOnce(groups);
    } catch (error) {
      if (isStoreError(error) && error.code === 'unavailable') throw error;
      const outcomes: KeyOutcome<AppendResult>[] = [];
      for (const group of groups) outcomes.push(await appendAlone(group));
      return outcomes;
    }
  };

  const groups = sharedCommit<WorkspaceId, AppendCall, AppendResult>({
    schedule: options.schedule,
    limits: options.group,
    writers: options.writers,
    commit,
  });

  const read = <Result>(
    workspace: WorkspaceId,
    work: (transaction: PostgresTransaction, head: SharedHead | undefined) => Promise<Result>,
  ): Promise<Result> =>
    database.transact({ mode: 'read', binding: [workspace] }, async (transaction) => {
      const [answer] = await transaction.send([selectHead(workspace)]);
      return work(transaction, headsOf(answer)[0]);
    });

  return {
    contractVersion: 1,
    capabilities,

    append: (given, records, appendOptions, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        const { ifEpoch, via, receivedAt } = checkAppendOptions(appendOptions, capabilities);
        const checked = checkRecords(records, capabilities);
        return groups.add(
          workspace,
          {
            ...checked,
            ...(ifEpoch === undefined ? {} : { ifEpoch }),
            ...(via === undefined ? {} : { via }),
            ...(receivedAt === undefined ? {} : { receivedAt }),
          },
          call,
        );
      }),

    read: (given, query, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        const checked = checkReadQuery(query);
        return read(workspace, (transaction, head) => readPage(transaction, head, checked));
      }),

    vector: (given, query, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        const checked = checkVectorQuery(query);
        return read(workspace, (transaction, head) => readVector(transaction, head, checked));
      }),

    trees: (given, query, call) =>
      lifetime.run(call, async () => {
        const workspace = parseWorkspaceId(given);
        const { after = '', limit } = checkListQuery(query, parseTreeId);
        const [answer] = await database.transact({ mode: 'read', binding: [workspace] }, (transaction) =>
          transaction.finish([
            {
              sql: 'SELECT DISTINCT tree FROM pair WHERE workspace = $1 AND tree > $2 ORDER BY tree LIMIT $3',
              values: [workspace, after, limit + 1],
            },
          ]),
        );
        return pageOf(
          (answer?.rows ?? []).map(([tree]) => tree as TreeId),
          limit,
          (tree) => tree,
        );
      }),

    workspaces: (query, call) =>
      lifetime.run(call, async () => {
        const { after = '', limit } = checkListQuery(query, parseWorkspaceId);
        const [answer] = await database.transact({ mode: 'read', binding: 'heads of all' }, (transaction) =>
          transaction.finish([
            { sql: 'SELECT workspace FROM head WHERE workspace > $1 ORDER BY workspace LIMIT $2', values: [after, limit + 1] },
          ]),
        );
        return pageOf(
          (answer?.rows ?? []).map(([workspace]) => workspace as WorkspaceId),
          limit,
          (workspace) => workspace,
        );
      }),

    head: (given, call) =>
      lifetime.run(call, async () => {
        const workspace = parseWorkspaceId(given);
        const [answer] = await database.transact({ mode: 'read', binding: [workspace] }, (transaction) =>
          transaction.finish([selectHead(workspace)]),
        );
        const [head] = headsOf(answer);
        return head && publicHead(head);
      }),

    fence: (given, epoch, call) =>
      lifetime.run(call, async () => {
        const workspace = parseWorkspaceId(given);
        parseEpoch(epoch);
        await groups.settle(workspace);
        return database.transact({ mode: 'write', binding: [workspace] }, async (transaction) => {
          // Made first and locked then, by statements of their own: the second sees what was committed while the first waited.
          const [, locked] = await transaction.send([insertHeads([newHead(workspace)]), lockHeads([workspace])]);
          const [head] = headsOf(locked);
          if (!head) throw headsMoved;
          const raised = Math.max(head.epoch, epoch);
          await transaction.finish(raised === head.epoch ? [] : [replaceHead({ ...head, epoch: raised })]);
          return raised;
        });
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
        await database.transact({ mode: 'write', binding: [workspace], unbounded: true }, async (transaction) => {
          const [locked] = await transaction.send([lockHeads([workspace])]);
          const [head] = headsOf(locked);
          if (head) refuseFenced(head, ifEpoch);
          await transaction.finish(deleteLog(workspace));
        });
      }),

    close: () => lifetime.close(),
  };
}

/** All rows of a log; its head must be locked. */
export function deleteLog(workspace: WorkspaceId): readonly { readonly sql: string; readonly values: readonly [WorkspaceId] }[] {
  return ['record', 'chain', 'pair', 'head'].map((table) => ({ sql: `DELETE FROM ${table} WHERE workspace = $1`, values: [workspace] }));
}
