import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MeasureSpec, type Result, type Sample, summarize } from './report/result.ts';

/** What a suite is given: where to report to and how many rounds to run. */
export interface BenchContext {
  readonly rounds: number;
  readonly note: (text: string) => void;
  readonly report: (result: Result) => void;
}

/** Runs a measure `rounds` times; each round measures ours and the baseline, in alternating order. */
export async function measure(
  context: BenchContext,
  spec: MeasureSpec,
  ours: (round: number) => number | Promise<number>,
  baseline?: (round: number) => number | Promise<number>,
): Promise<void> {
  const samples: Sample[] = [];
  for (let round = 0; round < context.rounds; round++) {
    context.note(`${spec.suite}: ${spec.name} (round ${round + 1} of ${context.rounds})`);
    if (baseline && round % 2 === 1) {
      const base = await baseline(round);
      samples.push({ value: await ours(round), baseline: base });
    } else {
      const value = await ours(round);
      samples.push({ value, baseline: baseline ? await baseline(round) : null });
    }
  }
  context.report(summarize(spec, samples));
}

/** A folder that is gone afterwards. */
export async function withFolder<Value>(work: (dir: string) => Promise<Value>): Promise<Value> {
  const dir = await mkdtemp(join(tmpdir(), 'spacestore-bench-'));
  try {
    return await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Seconds that work takes. */
export async function seconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
