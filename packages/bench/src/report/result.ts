export type Suite = 'storage' | 'sync' | 'blobs';
export type Better = 'higher' | 'lower';

/** One measure beside its baseline, as printed and as a JSON line. */
export interface Result {
  readonly suite: Suite;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Null for a measure with an absolute bar, such as lost records. */
  readonly baseline: number | null;
  /** Median over the rounds of value / baseline; of the value itself where there is no baseline. */
  readonly ratio: number;
  readonly better: Better;
  /** What `ratio` must reach. */
  readonly bar: number | null;
  readonly aim: number | null;
  readonly ok: boolean;
  /** A data-safety bar fails the command; a speed bar prints. */
  readonly gate: boolean;
}

export interface Sample {
  readonly value: number;
  readonly baseline: number | null;
}

export interface MeasureSpec {
  readonly suite: Suite;
  readonly name: string;
  readonly unit: string;
  readonly better: Better;
  readonly bar?: number;
  readonly aim?: number;
  readonly gate?: boolean;
  /** How the bar is compared: `ratio` (default) with the baseline, or the `value` itself. */
  readonly compare?: 'ratio' | 'value';
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The medians over the rounds; the ratio is paired within each round, so that a drifting machine cancels out. */
export function summarize(spec: MeasureSpec, samples: readonly Sample[]): Result {
  const value = median(samples.map((sample) => sample.value));
  const baselines = samples.flatMap((sample) => (sample.baseline === null ? [] : [sample.baseline]));
  const baseline = baselines.length === 0 ? null : median(baselines);
  const ratio =
    baseline === null || spec.compare === 'value' ? value : median(samples.map((sample) => sample.value / (sample.baseline as number)));
  const bar = spec.bar ?? null;
  const ok = bar === null || (spec.better === 'higher' ? ratio >= bar : ratio <= bar);
  const { suite, name, unit, better } = spec;
  return { suite, name, value, unit, baseline, ratio, better, bar, aim: spec.aim ?? null, ok, gate: spec.gate ?? false };
}
