import type { OpRecord, PeerId, TreeId } from '@spacestore/core';
import fc from 'fast-check';
import type { LogModel, ModelRecord } from '../model/op-store.ts';
import { alteredBody, bodyOf } from './bytes.ts';
import { boundaryCounters, confusablesOf, peerId, treeId } from './ids.ts';

/** Small integers that mean something only beside a state: `kind` picks what to do, the others what to do it to. */
export type Step = readonly [kind: number, a: number, b: number, c: number];

export const step: fc.Arbitrary<Step> = fc.tuple(fc.nat(99), fc.nat(999), fc.nat(999), fc.nat(999));
/** Up to `max` steps, as long ones as short ones. */
export const steps = (max: number, min = 1): fc.Arbitrary<readonly Step[]> =>
  fc.array(step, { minLength: min, maxLength: max, size: 'max' });

/** The element a number means. */
export const pick = <Item>(items: readonly Item[], n: number): Item | undefined => items[n % Math.max(items.length, 1)];

const recordsOf = (log: LogModel | undefined): readonly ModelRecord[] => log?.records ?? [];

/** The counter after the last of a peer in a tree. */
export function nextCounter(log: LogModel | undefined, tree: TreeId, peer: PeerId): number {
  const counters = recordsOf(log).filter((record) => record.tree === tree && record.peer === peer && record.counter < 2 ** 31 - 100);
  return counters.reduce((next, record) => Math.max(next, record.counter + 1), 0);
}

const plain = ({ tree, peer, counter, body }: OpRecord): OpRecord => ({ tree, peer, counter, body: body.slice() });

/** A run of records that follow one another. */
function runOf(tree: TreeId, peer: PeerId, first: number, count: number, c: number): OpRecord[] {
  return Array.from({ length: count }, (_, i) => ({ tree, peer, counter: first + i, body: bodyOf(c + i) }));
}

type Resolve = (log: LogModel | undefined, a: number, b: number, c: number) => OpRecord[];

/** The next records of a peer. */
const next: Resolve = (log, a, b, c) => {
  const [tree, peer] = [treeId(a % 2), peerId(b % 3)];
  return runOf(tree, peer, nextCounter(log, tree, peer), 1 + (c % 4), c);
};
/** Records that leave a gap. */
const gap: Resolve = (log, a, b, c) => {
  const [tree, peer] = [treeId(a % 2), peerId(b % 3)];
  return runOf(tree, peer, nextCounter(log, tree, peer) + 1 + (c % 3), 1 + (c % 2), c);
};
/** A record into a gap that is there. */
const fill: Resolve = (log, a, b, c) => {
  const [tree, peer] = [treeId(a % 2), peerId(b % 3)];
  const taken = new Set(recordsOf(log).flatMap((record) => (record.tree === tree && record.peer === peer ? [record.counter] : [])));
  let counter = 0;
  while (taken.has(counter)) counter++;
  return runOf(tree, peer, counter, 1, c);
};
/** Records that are there already, reversed half of the time. */
const repeat: Resolve = (log, a, b, c) => {
  const from = a % Math.max(recordsOf(log).length, 1);
  const again = recordsOf(log)
    .slice(from, from + 1 + (b % 4))
    .map(plain);
  return c % 2 === 0 ? again : again.reverse();
};
const mixed: Resolve = (log, a, b, c) => [...repeat(log, b, 1, c), ...next(log, a, b, c), ...repeat(log, c, 0, 0)];
/** A record that is there already under an id careless stores take for the same. */
const confusable: Resolve = (log, a, b, c) => {
  const record = pick(recordsOf(log), a);
  if (!record) return [];
  const known = new Set(recordsOf(log).map((one) => `${one.tree}/${one.peer}/${one.counter}`));
  const trees = confusablesOf(record.tree).map((tree) => ({ ...record, tree: tree as TreeId }));
  const peers = confusablesOf(record.peer).map((peer) => ({ ...record, peer: peer as PeerId }));
  // "a" + 11 and "a1" + 1 read the same once they are glued together.
  const glued = { ...record, peer: `${record.peer}${String(record.counter).slice(0, -1)}` as PeerId, counter: record.counter % 10 };
  const twins = [...trees, ...peers, glued].filter((one) => !known.has(`${one.tree}/${one.peer}/${one.counter}`) && one.peer.length <= 128);
  return twins.length === 0 ? [] : [{ ...plain(pick(twins, b) as OpRecord), body: alteredBody(record.body, c) }];
};
/** One call over many trees and peers. */
const spread: Resolve = (log, a, b, c) =>
  Array.from({ length: 2 + (c % 5) }, (_, i) => [treeId(a + i * 7), peerId(b + i * 3)] as const)
    .filter((pair, i, all) => all.findIndex((one) => one[0] === pair[0] && one[1] === pair[1]) === i)
    .map(([tree, peer], i) => ({ tree, peer, counter: nextCounter(log, tree, peer), body: bodyOf(c + i) }));
/** Counters where number types end, those not yet taken. */
const boundary: Resolve = (log, a, b, c) => {
  const [tree, peer] = [treeId(a % 2), peerId(b % 3)];
  const taken = new Set(recordsOf(log).flatMap((record) => (record.tree === tree && record.peer === peer ? [record.counter] : [])));
  const counter = pick(boundaryCounters, c) as number;
  return [counter, counter - 1]
    .filter((one) => one >= 0 && !taken.has(one))
    .map((one) => ({ tree, peer, counter: one, body: bodyOf(c + one) }));
};

const kinds: readonly Resolve[] = [next, next, next, gap, gap, fill, repeat, mixed, confusable, confusable, spread, boundary];

/** The records a step appends to a log: always a call that is in order. */
export function resolveAppend([kind, a, b, c]: Step, log: LogModel | undefined): OpRecord[] {
  const records = (kinds[kind % kinds.length] as Resolve)(log, a, b, c);
  return records.length > 0 ? records : next(log, a, b, c);
}
