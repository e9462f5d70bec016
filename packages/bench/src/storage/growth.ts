import { parseWorkspaceId } from '@spacestore/core';
import { take, workload } from '../data/workload.ts';
import { type BenchContext, measure, seconds, withFolder } from '../measure.ts';
import { openOps } from './open-ops.ts';

const workspace = parseWorkspaceId('bench');
const batch = 100;
const probes = 200;

/** What an append costs in a large log, against the same append when the log held 10,000: the cost must not grow with the workspace. */
export async function growthSuite(context: BenchContext, sizes: readonly number[]): Promise<void> {
  await withFolder(async (dir) => {
    const ops = openOps(dir);
    const source = workload({ pattern: 'hundreds' });
    let held = 0;
    const grow = async (to: number): Promise<void> => {
      for (; held < to; held += 1000)
        await ops.append(
          workspace,
          take(source, 1000).map((item) => item.record),
        );
    };
    const probe = async (): Promise<number> => {
      const calls = Array.from({ length: probes }, () => take(source, batch).map((item) => item.record));
      const elapsed = await seconds(async () => {
        for (const records of calls) await ops.append(workspace, records);
      });
      held += probes * batch;
      return (elapsed / probes) * 1_000_000;
    };
    await grow(10_000);
    const small = Array.from({ length: context.rounds }, () => 0);
    for (let round = 0; round < context.rounds; round++) small[round] = await probe();
    for (const size of sizes) {
      context.note(`storage: growing the log to ${size.toLocaleString('en-US')} records`);
      await grow(size);
      await measure(
        context,
        {
          suite: 'storage',
          name: `append of ${batch} at ${size / 1_000_000}M records, vs at 10k`,
          unit: 'µs',
          better: 'lower',
          ...(size >= 10_000_000 ? { bar: 1.5, aim: 1.15 } : {}),
        },
        probe,
        (round) => small[round] as number,
      );
    }
    await ops.close();
  });
}
