import type { CounterRange } from './counter-ranges.ts';
import { StoreError } from './errors.ts';
import { type PeerId, parseCounter, parsePeerId, parseTreeId, type TreeId } from './ids.ts';
import { type StateVector, stateVectorBuilder } from './state-vector.ts';

/** A state vector in JSON. */
export type StateVectorJson = Readonly<Record<string, Readonly<Record<string, readonly CounterRange[]>>>>;

/** Counted over the whole vector, before anything is merged: what a hostile vector could cost. */
export interface StateVectorLimits {
  readonly maxPeers: number;
  readonly maxRanges: number;
}

const unlimited: StateVectorLimits = { maxPeers: Number.POSITIVE_INFINITY, maxRanges: Number.POSITIVE_INFINITY };

export function encodeStateVector(vector: StateVector): StateVectorJson {
  return Object.fromEntries([...vector].map(([tree, peers]) => [tree, Object.fromEntries(peers)]));
}

/** The vector that hostile JSON says: ranges that are unsorted, overlap or touch are merged.
 *  Throws: invalid for anything that is no vector; too_large past a limit. */
export function parseStateVector(json: unknown, limits: StateVectorLimits): StateVector {
  return vectorFromEntries(entriesOfObject(json), entriesOfObject, limits);
}

/** A copy of a vector that a caller handed in, normalised in the same way. Throws: invalid, too_large. */
export function checkStateVector(vector: unknown, limits: StateVectorLimits = unlimited): StateVector {
  return vectorFromEntries(entriesOfMap(vector), entriesOfMap, limits);
}

function vectorFromEntries(
  trees: Iterable<readonly [unknown, unknown]>,
  entriesOf: (value: unknown) => Iterable<readonly [unknown, unknown]>,
  limits: StateVectorLimits,
): StateVector {
  const builder = stateVectorBuilder();
  let peers = 0;
  let ranges = 0;
  for (const [treeKey, inTree] of trees) {
    const tree = parseTreeId(treeKey);
    for (const [peerKey, list] of entriesOf(inTree)) {
      const peer = parsePeerId(peerKey);
      if (++peers > limits.maxPeers) throw tooLarge('peers', limits.maxPeers);
      if (!Array.isArray(list)) throw notAVector('the ranges of a peer are a list', { tree, peer });
      ranges += list.length;
      if (ranges > limits.maxRanges) throw tooLarge('ranges', limits.maxRanges);
      for (const range of list) {
        const [first, last] = parseRange(range, tree, peer);
        builder.addRange(tree, peer, first, last);
      }
    }
  }
  return builder.build();
}

function parseRange(range: unknown, tree: TreeId, peer: PeerId): CounterRange {
  if (!Array.isArray(range) || range.length !== 2) throw notAVector('a range is [first, last]', { tree, peer });
  const first = parseCounter(range[0]);
  const last = parseCounter(range[1]);
  if (first > last) throw notAVector('a range ends before it begins', { tree, peer, first, last });
  return [first, last];
}

/** Own keys alone: `__proto__` in JSON is an own key, and the id grammar refuses it. */
function entriesOfObject(value: unknown): Iterable<readonly [unknown, unknown]> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.entries(value);
  throw notAVector('a state vector is an object of trees, of peers, of ranges');
}

function entriesOfMap(value: unknown): Iterable<readonly [unknown, unknown]> {
  if (value instanceof Map) return value;
  throw notAVector('a state vector is a Map of trees, of peers, of ranges');
}

function notAVector(message: string, context: Readonly<Record<string, unknown>> = {}): StoreError {
  return new StoreError('invalid', message, { context });
}

function tooLarge(what: 'peers' | 'ranges', limit: number): StoreError {
  return new StoreError('too_large', `a state vector may name at most ${limit} ${what}`, { context: { what, limit } });
}
