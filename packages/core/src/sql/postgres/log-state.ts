import type { WorkspaceId } from '../../ids.ts';
import { type ChainDigest, digestSeed, extendChain } from '../../log/chain.ts';
import { chainStride } from '../log/log-head.ts';
import { linkBefore } from './cursors.ts';
import type { SharedHead } from './log-head.ts';

/** A tree and a peer of a log, and the highest counter stored of them: a higher one can't be a duplicate, so that it needs no look. */
export interface Pair {
  readonly tree: string;
  readonly peer: string;
  readonly seed: number;
  /** 0 while it has none yet. */
  id: number;
  highest: number;
  /** The same within the call that is being judged, whose number is `call`. */
  highestInCall: number;
  call: number;
}

/** What a writer knows of a log between its transactions. It holds as long as the head row is the one it was left with: otherwise somebody else has written. */
export interface LogState {
  readonly incarnation: string;
  position: number;
  /** The last stored link of the chain, and the digests of the records after it. */
  link: ChainDigest;
  tail: number[];
  readonly pairs: Map<string, Map<string, Pair>>;
  pairCount: number;
  /** Number of the last call judged. */
  calls: number;
}

/** Pairs remembered of a log, about 200 bytes each. */
const maxPairs = 10_000;

export function newState(head: SharedHead, link: ChainDigest, tail: number[]): LogState {
  return { incarnation: head.incarnation, position: head.position, link, tail, pairs: new Map(), pairCount: 0, calls: 0 };
}

export function isCurrent(state: LogState | undefined, head: SharedHead): state is LogState {
  return state?.incarnation === head.incarnation && state.position === head.position;
}

export function pairOf(state: LogState, tree: string, peer: string): Pair | undefined {
  return state.pairs.get(tree)?.get(peer);
}

/** The pair is known from now on. */
export function addPair(state: LogState, tree: string, peer: string, id: number, highest: number): Pair {
  const pair: Pair = { tree, peer, seed: digestSeed(tree, peer), id, highest, highestInCall: -1, call: 0 };
  let peers = state.pairs.get(tree);
  if (!peers) {
    peers = new Map();
    state.pairs.set(tree, peers);
  }
  peers.set(peer, pair);
  state.pairCount++;
  return pair;
}

/** Keeps memory bounded; between transactions only. */
export function forgetSurplus(state: LogState): void {
  if (state.pairCount < maxPairs) return;
  state.pairs.clear();
  state.pairCount = 0;
}

export interface ChainLink {
  readonly position: number;
  readonly chain: ChainDigest;
}

/** The chain goes on over these digests. Tells the chain at the end, and the links to store on the way. */
export function extendTail(
  state: LogState,
  digests: readonly number[],
): { readonly chain: ChainDigest; readonly links: readonly ChainLink[] } {
  const links: ChainLink[] = [];
  let position = linkBefore(state.position);
  for (const digest of digests) {
    state.tail.push(digest);
    if (state.tail.length < chainStride) continue;
    state.link = extendChain(state.link, state.tail);
    state.tail = [];
    position += chainStride;
    links.push({ position, chain: state.link });
  }
  return { chain: extendChain(state.link, state.tail), links };
}

/** The states of the logs written last: the least recently written is forgotten first. */
export interface LogStates {
  /** Taken out: what a failed transaction knew is not true, so it is put back only after a commit. */
  readonly take: (workspace: WorkspaceId) => LogState | undefined;
  readonly put: (workspace: WorkspaceId, state: LogState) => void;
}

export function logStates(maxLogs: number): LogStates {
  const known = new Map<WorkspaceId, LogState>();
  return {
    take: (workspace) => {
      const state = known.get(workspace);
      known.delete(workspace);
      return state;
    },
    put: (workspace, state) => {
      forgetSurplus(state);
      known.set(workspace, state);
      if (known.size <= maxLogs) return;
      for (const oldest of known.keys()) {
        known.delete(oldest);
        return;
      }
    },
  };
}
