import { type BenchContext, measure, withFolder } from '../measure.ts';
import { median } from '../report/result.ts';
import { baselineDriver } from './baseline-driver.ts';
import { coldSuite } from './cold.ts';
import type { Driver } from './driver.ts';
import { idleSuite } from './idle.ts';
import { latencySuite } from './latency.ts';
import { type Load, runLoad } from './load.ts';
import { lossSuite } from './loss.ts';
import { ourDriver } from './our-driver.ts';

/** The targets of the wire: ours against bare `ws` and better-sqlite3, the server alone in its process. */
export async function syncSuite(context: BenchContext): Promise<void> {
  const loads: readonly (Load & { readonly name: string; readonly bar?: number; readonly aim?: number })[] = [
    { name: '1→1, one frame an edit', writers: 1, readers: 1, workspaces: 1, edits: 30_000, batch: 1 },
    { name: '1→1, a batch a turn', writers: 1, readers: 1, workspaces: 1, edits: 150_000, batch: 64, bar: 0.9, aim: 1 },
    { name: '1→50, a batch a turn', writers: 1, readers: 50, workspaces: 1, edits: 60_000, batch: 64, bar: 1, aim: 1.4 },
    { name: '200 workspaces, one edit a frame', writers: 1, readers: 0, workspaces: 200, edits: 20_000, batch: 1, bar: 0.8, aim: 1.8 },
  ];
  for (const load of loads) await throughput(context, load);
  await coldSuite(context);
  await latencySuite(context);
  await idleSuite(context);
  await lossSuite(context);
}

async function throughput(
  context: BenchContext,
  load: Load & { readonly name: string; readonly bar?: number; readonly aim?: number },
): Promise<void> {
  const cpu: Record<Driver['name'], number[]> = { ours: [], baseline: [] };
  const run = async (driver: Driver): Promise<number> => {
    const figures = await withFolder((dir) => runLoad(driver, dir, load));
    cpu[driver.name].push(figures.cpuMicrosPerUnit);
    return figures.unitsPerSecond;
  };
  const many = load.readers > 1;
  const bars = { ...(load.bar === undefined ? {} : { bar: load.bar }), ...(load.aim === undefined ? {} : { aim: load.aim }) };
  await measure(
    context,
    { suite: 'sync', name: load.name, unit: many ? 'deliveries/s' : 'edits/s', better: 'higher', ...bars },
    () => run(ourDriver),
    () => run(baselineDriver),
  );
  const ours = median(cpu.ours);
  const baseline = median(cpu.baseline);
  const unit = many ? 'µs a delivery' : 'µs an edit';
  const name = `${load.name}: server processor time`;
  context.report({
    suite: 'sync',
    name,
    value: ours,
    unit,
    baseline,
    ratio: ours / baseline,
    better: 'lower',
    bar: null,
    aim: null,
    ok: true,
    gate: false,
  });
}
