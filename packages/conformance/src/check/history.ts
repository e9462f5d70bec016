/** A batch someone tried to append. Times are of one monotonic clock; ids are unique to the batch. */
export interface AppendEvent {
  readonly kind: 'append';
  readonly ids: readonly string[];
  readonly invoked: number;
  /** Absent if nobody heard the outcome: a killed process, an unknown failure. */
  readonly returned?: number;
  readonly outcome: 'acknowledged' | 'refused' | 'unknown';
}

/** What someone saw. */
export interface ReadEvent {
  readonly kind: 'read';
  readonly ids: ReadonlySet<string>;
  readonly invoked: number;
  readonly returned: number;
}

export type HistoryEvent = AppendEvent | ReadEvent;

/** The rules a history of a grow-only set breaks, one line each.
 *  R1 whole batches only; R2 every batch acknowledged before a read began is in it; R3 none begun after the read ended is in it;
 *  R4 any two reads are comparable by inclusion; R5 refused batches contribute nothing, ever.
 *  Cost: reads × batches. Source: Adya 1999 and the Hermitage tests: R1 = G1b, R5 = G1a, R4 = long fork. */
export function brokenRules(history: readonly HistoryEvent[]): readonly string[] {
  const appends = history.filter((event) => event.kind === 'append');
  const reads = history.filter((event) => event.kind === 'read');
  return [...reads.flatMap((read) => appends.flatMap((append) => brokenBy(read, append))), ...incomparable(reads)];
}

function brokenBy(read: ReadEvent, append: AppendEvent): readonly string[] {
  const seen = append.ids.filter((id) => read.ids.has(id)).length;
  const batch = `batch ${append.ids[0]} (${append.ids.length} records)`;
  const problems: string[] = [];
  if (append.outcome === 'refused') {
    if (seen > 0) problems.push(`R5: ${seen} records of refused ${batch} are read`);
    return problems;
  }
  if (seen > 0 && seen < append.ids.length) problems.push(`R1: ${seen} records of ${batch} are read`);
  if (
    seen === 0 &&
    append.outcome === 'acknowledged' &&
    append.returned !== undefined &&
    append.returned < read.invoked &&
    append.ids.length > 0
  )
    problems.push(`R2: ${batch} was acknowledged before a read began and is not in it`);
  if (seen > 0 && append.invoked > read.returned) problems.push(`R3: ${batch} was begun after a read ended and is in it`);
  return problems;
}

function incomparable(reads: readonly ReadEvent[]): readonly string[] {
  // Sorted by size, each must contain the one before: then all are comparable.
  const bySize = reads.toSorted((a, b) => a.ids.size - b.ids.size);
  return bySize.slice(1).flatMap((read, i) => {
    const smaller = bySize[i] as ReadEvent;
    const lost = [...smaller.ids].find((id) => !read.ids.has(id));
    return lost === undefined ? [] : [`R4: two reads are not comparable: ${lost} is in the smaller alone`];
  });
}
