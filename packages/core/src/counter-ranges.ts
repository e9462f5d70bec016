/** Counters from first to last, both included. */
export type CounterRange = readonly [first: number, last: number];

/** The same counters as sorted, disjoint, non-touching ranges. Fresh, and `ranges` is left as it is. */
export function normaliseRanges(ranges: readonly CounterRange[]): readonly CounterRange[] {
  const sorted = isSorted(ranges) ? ranges : [...ranges].sort((a, b) => a[0] - b[0]);
  const merged: CounterRange[] = [];
  let first = -1;
  let last = -2;
  for (const range of sorted) {
    if (first >= 0 && range[0] <= last + 1) {
      if (range[1] > last) last = range[1];
      continue;
    }
    if (first >= 0) merged.push([first, last]);
    [first, last] = range;
  }
  if (first >= 0) merged.push([first, last]);
  return merged;
}

function isSorted(ranges: readonly CounterRange[]): boolean {
  for (let i = 1; i < ranges.length; i++) if ((ranges[i] as CounterRange)[0] < (ranges[i - 1] as CounterRange)[0]) return false;
  return true;
}

/** The counters of `a` that are not in `b`. Both normalised, and so is the result. */
export function subtractRanges(a: readonly CounterRange[], b: readonly CounterRange[]): readonly CounterRange[] {
  const left: CounterRange[] = [];
  let next = 0;
  for (const [first, last] of a) {
    let from = first;
    while (next < b.length && (b[next] as CounterRange)[1] < from) next++;
    for (let i = next; i < b.length && (b[i] as CounterRange)[0] <= last; i++) {
      const [cutFirst, cutLast] = b[i] as CounterRange;
      if (cutFirst > from) left.push([from, cutFirst - 1]);
      from = cutLast + 1;
      next = i;
    }
    if (from <= last) left.push([from, last]);
  }
  return left;
}

/** Whether normalised ranges hold a counter. Binary search. */
export function rangesContain(ranges: readonly CounterRange[], counter: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [first, last] = ranges[middle] as CounterRange;
    if (counter < first) high = middle - 1;
    else if (counter > last) low = middle + 1;
    else return true;
  }
  return false;
}

export function equalRanges(a: readonly CounterRange[], b: readonly CounterRange[]): boolean {
  return a.length === b.length && a.every((range, i) => range[0] === b[i]?.[0] && range[1] === b[i]?.[1]);
}
