import { join } from 'node:path';
import { parseWorkspaceId } from '@spacestore/core';
import { openProposalStore } from '../baseline/proposal-sqlite.ts';
import { chunks, take, type WorkItem, type WorkloadOptions, workload } from '../data/workload.ts';
import { type BenchContext, measure, seconds, withFolder } from '../measure.ts';
import { openOps } from './open-ops.ts';

const workspace = parseWorkspaceId('bench');

interface AppendCase {
  readonly name: string;
  readonly options: Partial<WorkloadOptions>;
  readonly count: number;
  readonly batch: number;
  readonly bar: number;
  readonly aim: number;
}

const cases: readonly AppendCase[] = [
  { name: 'append, batches of 100, one tree and peer', options: { peers: 1 }, count: 60_000, batch: 100, bar: 1.0, aim: 1.7 },
  { name: 'append, batches of 1000, one tree and peer', options: { peers: 1 }, count: 120_000, batch: 1000, bar: 1.3, aim: 3 },
  {
    name: 'append, batches of 100, 20 peers mixed',
    options: { peers: 20, pattern: 'mixed' },
    count: 60_000,
    batch: 100,
    bar: 1.0,
    aim: 1.5,
  },
];

/** Records/s of awaited calls, one after the other, FULL sync on both sides. */
export async function appendSuite(context: BenchContext): Promise<void> {
  for (const { name, options, count, batch, bar, aim } of cases) {
    const calls = chunks(take(workload(options), count), batch);
    await measure(
      context,
      { suite: 'storage', name, unit: 'records/s', better: 'higher', bar, aim },
      () => appendOurs(calls, count),
      () => appendBaseline(calls, count),
    );
  }
  await groupCommit(context);
}

function appendOurs(calls: readonly WorkItem[][], count: number): Promise<number> {
  return withFolder(async (dir) => {
    const ops = openOps(dir);
    const lists = calls.map((call) => call.map((item) => item.record));
    const elapsed = await seconds(async () => {
      for (const records of lists) await ops.append(workspace, records);
    });
    await ops.close();
    return count / elapsed;
  });
}

function appendBaseline(calls: readonly WorkItem[][], count: number): Promise<number> {
  return withFolder(async (dir) => {
    const store = openProposalStore(join(dir, 'baseline.db'));
    const lists = calls.map((call) => call.map((item) => item.row));
    const elapsed = await seconds(() => {
      for (const rows of lists) store.append(rows);
    });
    store.close();
    return count / elapsed;
  });
}

/** 64 callers, each with one record on its way: the store may share transactions, the baseline has one each. */
async function groupCommit(context: BenchContext): Promise<void> {
  const callers = 64;
  const rounds = 150;
  const items = take(workload({ peers: callers, pattern: 'singles' }), callers * rounds);
  await measure(
    context,
    {
      suite: 'storage',
      name: '64 concurrent single appends vs one transaction each',
      unit: 'records/s',
      better: 'higher',
      bar: 20,
      aim: 35,
    },
    () =>
      withFolder(async (dir) => {
        const ops = openOps(dir);
        const elapsed = await seconds(async () => {
          for (const turn of chunks(items, callers)) await Promise.all(turn.map((item) => ops.append(workspace, [item.record])));
        });
        await ops.close();
        return items.length / elapsed;
      }),
    () =>
      withFolder(async (dir) => {
        const store = openProposalStore(join(dir, 'baseline.db'));
        const some = items.slice(0, 2000);
        const elapsed = await seconds(() => {
          for (const item of some) store.append([item.row]);
        });
        store.close();
        return some.length / elapsed;
      }),
  );
}
