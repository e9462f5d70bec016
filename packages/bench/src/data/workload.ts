import { encodeOp, type OpRecord, parsePeerId, parseTreeId, type RepTreeOp } from '@spacestore/core';
import { randomHex, randomWords, seededRandom } from './random.ts';

/** One operation in both forms: a record for our stores, a row of the proposal's schema for the baseline. */
export interface WorkItem {
  readonly record: OpRecord;
  readonly row: ProposalRow;
}

/** clock, peer_id, tree_id, target_id, parent_id, key, value */
export type ProposalRow = readonly [number, string, string, string, string | null, string | null, string | null];

/** How consecutive operations are spread over peers: in runs of 100, at random in a call, one by one. */
export type Pattern = 'hundreds' | 'mixed' | 'singles';

export interface WorkloadOptions {
  readonly seed: number;
  readonly peers: number;
  readonly trees: number;
  readonly pattern: Pattern;
  /** Characters of a property's value. */
  readonly valueLength: number;
}

const defaults: WorkloadOptions = { seed: 1, peers: 20, trees: 1, pattern: 'hundreds', valueLength: 24 };

/** An endless, reproducible history: a third of it moves, the rest properties; about 185 bytes of JSON each. Each peer counts for itself, without gaps. */
export function* workload(options: Partial<WorkloadOptions> = {}): Generator<WorkItem, never> {
  const { seed, peers, trees, pattern, valueLength } = { ...defaults, ...options };
  const random = seededRandom(seed);
  const peerIds = Array.from({ length: peers }, () => parsePeerId(randomHex(random)));
  const treeIds = Array.from({ length: trees }, () => parseTreeId(randomHex(random)));
  const counters = Array.from({ length: peers }, () => 0);
  let target: string = treeIds[0] as string;
  for (let n = 0; ; n++) {
    const turn = pattern === 'hundreds' ? Math.floor(n / 100) : pattern === 'singles' ? n : Math.floor(random() * peers);
    const p = turn % peers;
    const peer = peerIds[p] as (typeof peerIds)[number];
    const tree = treeIds[trees === 1 ? 0 : Math.floor(random() * trees)] as (typeof treeIds)[number];
    const counter = counters[p] as number;
    counters[p] = counter + 1;
    const id = { counter, peerId: peer };
    let op: RepTreeOp;
    let row: ProposalRow;
    if (n % 3 === 0) {
      const parentId = target;
      target = randomHex(random);
      op = { id, targetId: target, parentId };
      row = [counter, peer, tree, target, parentId, null, null];
    } else {
      const value = randomWords(random, valueLength);
      const key = n % 3 === 1 ? '_n' : 'text';
      op = { id, targetId: target, key, value, transient: false };
      row = [counter, peer, tree, target, null, key, JSON.stringify(value)];
    }
    yield { record: encodeOp(tree, op), row };
  }
}

/** The next `count` items of a workload. */
export function take(source: Generator<WorkItem, never>, count: number): WorkItem[] {
  return Array.from({ length: count }, () => source.next().value);
}

/** Cuts a list into calls of `size`. */
export function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  const parts: Item[][] = [];
  for (let at = 0; at < items.length; at += size) parts.push(items.slice(at, at + size));
  return parts;
}
