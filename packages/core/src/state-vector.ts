import type { PeerId, TreeId } from './ids.ts';

/** Counters from first to last, both included. */
export type CounterRange = readonly [first: number, last: number];

/** Which records there are: per tree and peer the counters stored, as sorted, disjoint, non-touching ranges. */
export type StateVector = ReadonlyMap<TreeId, ReadonlyMap<PeerId, readonly CounterRange[]>>;
