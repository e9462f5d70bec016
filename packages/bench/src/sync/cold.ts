import { edits, takeEdits } from '../data/edits.ts';
import { chunks } from '../data/workload.ts';
import { type BenchContext, measure, seconds, withFolder } from '../measure.ts';
import { baselineDriver } from './baseline-driver.ts';
import type { Driver } from './driver.ts';
import { ourDriver } from './our-driver.ts';

const count = 100_000;

interface ColdFigures {
  readonly seconds: number;
  readonly bytesPerRecord: number;
  readonly memoryMegabytes: number;
}

/** 100,000 records of random words to a client that has none. */
export async function coldSuite(context: BenchContext): Promise<void> {
  const runs: Record<Driver['name'], ColdFigures[]> = { ours: [], baseline: [] };
  const run = async (driver: Driver): Promise<number> => {
    const figures = await withFolder((dir) => coldRun(driver, dir));
    runs[driver.name].push(figures);
    return figures.seconds;
  };
  await measure(
    context,
    { suite: 'sync', name: 'cold catch-up of 100,000 records', unit: 's', better: 'lower', bar: 1 },
    () => run(ourDriver),
    () => run(baselineDriver),
  );
  const pick = (name: Driver['name'], key: keyof ColdFigures) => (round: number) => (runs[name][round] as ColdFigures)[key];
  await measure(
    context,
    { suite: 'sync', name: 'cold catch-up: bytes a record', unit: 'B', better: 'lower', bar: 48, aim: 41, compare: 'value' },
    pick('ours', 'bytesPerRecord'),
    pick('baseline', 'bytesPerRecord'),
  );
  await measure(
    context,
    { suite: 'sync', name: 'cold catch-up: server memory grows by', unit: 'MB', better: 'lower', bar: 45, aim: 30, compare: 'value' },
    pick('ours', 'memoryMegabytes'),
    pick('baseline', 'memoryMegabytes'),
  );
}

async function coldRun(driver: Driver, dir: string): Promise<ColdFigures> {
  const server = await driver.start(dir);
  try {
    await driver.prepare(server, ['bench-0']);
    await fill(driver, server);
    const before = await server.figures();
    let peak = before.rssBytes;
    let result = { records: 0, bytes: 0 };
    const elapsed = await seconds(async () => {
      result = await driver.cold(server, 'bench-0');
    });
    peak = Math.max(peak, (await server.figures()).rssBytes);
    if (result.records !== count) throw new Error(`${driver.name} handed over ${result.records} of ${count} records`);
    return { seconds: elapsed, bytesPerRecord: result.bytes / count, memoryMegabytes: (peak - before.rssBytes) / 1e6 };
  } finally {
    await server.kill();
  }
}

async function fill(driver: Driver, server: Awaited<ReturnType<Driver['start']>>): Promise<void> {
  const frames = chunks(takeEdits(edits(1), count), 500);
  let acknowledged = 0;
  let wake: () => void = () => undefined;
  const connection = await driver.connect(server, 'bench-0', {
    onAck: (batches) => {
      acknowledged += batches;
      wake();
    },
  });
  for (const [index, frame] of frames.entries()) {
    connection.send(frame);
    while (index + 1 - acknowledged >= 8)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
  while (acknowledged < frames.length)
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  connection.close();
}
