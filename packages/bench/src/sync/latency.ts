import { edits } from '../data/edits.ts';
import { type BenchContext, measure, withFolder } from '../measure.ts';
import { baselineDriver } from './baseline-driver.ts';
import type { Driver } from './driver.ts';
import { ourDriver } from './our-driver.ts';

const perSecond = 200;
const count = 1000;

/** From handing an edit to the socket to its arrival at a reader, at 200 edits a second. */
export async function latencySuite(context: BenchContext): Promise<void> {
  const runs: Record<Driver['name'], number[][]> = { ours: [], baseline: [] };
  const run = async (driver: Driver): Promise<number> => {
    const sorted = (await withFolder((dir) => latencies(driver, dir))).sort((a, b) => a - b);
    runs[driver.name].push(sorted);
    return quantile(sorted, 0.5);
  };
  const spec = { suite: 'sync', unit: 'ms', better: 'lower' } as const;
  await measure(
    context,
    { ...spec, name: 'edit to reader at 200 edits/s, p50' },
    () => run(ourDriver),
    () => run(baselineDriver),
  );
  await measure(
    context,
    { ...spec, name: 'edit to reader at 200 edits/s, p99' },
    (round) => quantile(runs.ours[round] as number[], 0.99),
    (round) => quantile(runs.baseline[round] as number[], 0.99),
  );
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] as number;
}

async function latencies(driver: Driver, dir: string): Promise<number[]> {
  const server = await driver.start(dir);
  try {
    await driver.prepare(server, ['bench-0']);
    const sentAt: number[] = [];
    const result: number[] = [];
    let finish: () => void = () => undefined;
    const all = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await driver.connect(server, 'bench-0', {
      onRecords: (records) => {
        for (let n = 0; n < records; n++) result.push(performance.now() - (sentAt[result.length] as number));
        if (result.length >= count) finish();
      },
    });
    const writer = await driver.connect(server, 'bench-0', {});
    const source = edits(3);
    const start = performance.now();
    for (let n = 0; n < count; n++) {
      const due = start + (n * 1000) / perSecond;
      while (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
      sentAt.push(performance.now());
      writer.send([source.next().value]);
    }
    await all;
    return result;
  } finally {
    await server.kill();
  }
}
