import type { CounterRange, PeerId, StateVector, TreeId } from '@spacestore/core';
import { type LogModel, vectorOf } from '../model/op-store.ts';
import { peerId, treeId } from './ids.ts';
import { pick, type Step } from './steps.ts';

type Draft = Map<TreeId, Map<PeerId, CounterRange[]>>;

const draftOf = (vector: StateVector): Draft =>
  new Map([...vector].map(([tree, peers]) => [tree, new Map([...peers].map(([peer, ranges]) => [peer, [...ranges]]))]));

/** A state vector aimed at a log: a subset of the real one, holes punched at its ends, strangers added. */
export function resolveVector([kind, a, b, c]: Step, log: LogModel | undefined): StateVector {
  const records = log?.records ?? [];
  const subset = (keep: (i: number) => boolean): Draft => draftOf(vectorOf(records.filter((_, i) => keep(i))));
  const from = a % Math.max(records.length, 1);
  switch (kind % 8) {
    case 0:
      return subset((i) => ((a >> (i % 10)) & 1) === 1);
    case 1:
      return subset((i) => i <= from);
    case 2:
      return subset((i) => i !== from);
    case 3:
      return subset((i) => i === from);
    case 4:
      return holed(draftOf(vectorOf(records)), b, c);
    case 5:
      return draftOf(vectorOf(records));
    case 6: {
      const vector = subset((i) => i % 2 === a % 2);
      vector.set(treeId(30 + (b % 5)), new Map([[peerId(c), [[0, c] as const]]]));
      return vector;
    }
    default:
      return new Map();
  }
}

/** The vector with one counter taken out: at an end or in the midst of a range. */
function holed(vector: Draft, b: number, c: number): Draft {
  const peers = pick([...vector.values()], b);
  const entry = peers && pick([...peers], c);
  if (!entry) return vector;
  const [peer, ranges] = entry;
  const [first, last] = pick(ranges, c) as CounterRange;
  const hole = [first, last, Math.floor((first + last) / 2)][b % 3] as number;
  const rest = ranges.filter((range) => range[0] !== first);
  peers.set(
    peer,
    [...rest, [first, hole - 1] as const, [hole + 1, last] as const].filter(([from, to]) => from <= to).sort((x, y) => x[0] - y[0]),
  );
  return vector;
}

/** The same vector said badly: ranges in reverse, overlapping, cut where they touch. A store takes it as the same, or refuses it. */
export function untidy(vector: StateVector): StateVector {
  return new Map(
    [...vector].map(([tree, peers]) => [
      tree,
      new Map(
        [...peers].map(([peer, ranges]) => [
          peer,
          ranges
            .flatMap(([first, last]): CounterRange[] => [
              [first, Math.floor((first + last) / 2)],
              [Math.floor((first + last) / 2), last],
              [last, last],
            ])
            .reverse(),
        ]),
      ),
    ]),
  );
}
