import { StoreError } from '../../errors.ts';
import type { PeerId, TreeId } from '../../ids.ts';
import { type ChainDigest, extendChain } from '../../log/chain.ts';
import { run, type Sql, value } from '../sql.ts';
import { chainStride, digestsBetween, type HeadRow, lastLink } from './log-head.ts';
import { addName, type LogNames, type NameTable, newNames, readNames } from './log-names.ts';

/** One tree and peer of a log, and the highest counter stored of it: a higher one cannot be a duplicate, so that it needs no look. */
export interface Pair {
  readonly tree: string;
  readonly peer: string;
  /** Small integers of the two; 0 while there is none yet. */
  treeId: number;
  peerId: number;
  highest: number;
  /** The same within the call that is being judged, whose number is `call`. */
  highestInCall: number;
  call: number;
}

/** What a writer knows of a log between its transactions. It is given up with every transaction that fails, and whenever the head row is not the
 *  one it was left with: then somebody else has written. */
export interface LogState {
  head: HeadRow | undefined;
  /** Digests of the records after the last stored link of the chain. */
  readonly link: { position: number; chain: ChainDigest };
  tail: number[];
  readonly pairs: Map<string, Map<string, Pair>>;
  pairCount: number;
  readonly names: LogNames;
  /** Number of the last call judged. */
  calls: number;
}

/** Pairs remembered for each open log, about 200 bytes each. */
const maxPairs = 20_000;

export function* loadState(head: HeadRow | undefined, known: LogNames | undefined): Sql<LogState> {
  const names = known && known.incarnation === head?.incarnation ? known : newNames(head?.incarnation ?? '');
  if (head) yield* readNames(names, head);
  const link = head ? yield* lastLink(head.position) : { position: 0, chain: new Uint8Array(32) };
  const tail = head ? yield* digestsBetween(link.position, head.position) : [];
  if (tail.length >= chainStride) throw new StoreError('corrupt', 'a link of the chain is missing', { context: { after: link.position } });
  return {
    head,
    link: { ...link },
    tail,
    pairs: new Map(),
    pairCount: 0,
    names,
    calls: 0,
  };
}

/** Whether the state is that of the log whose head was just read. */
export function isCurrent(state: LogState, head: HeadRow | undefined): boolean {
  if (!state.head || !head) return false;
  return state.head.incarnation === head.incarnation && state.head.position === head.position;
}

/** The pair of two ids, looked up at the first question. */
export function* pairOf(state: LogState, tree: string, peer: string): Sql<Pair> {
  const known = state.pairs.get(tree)?.get(peer);
  if (known) return known;
  const treeId = state.names.tree.ids.get(tree as TreeId) ?? 0;
  const peerId = state.names.peer.ids.get(peer as PeerId) ?? 0;
  const highest =
    treeId > 0 && peerId > 0 ? yield* value('SELECT max(counter) FROM record_id WHERE tree = ? AND peer = ?', treeId, peerId) : null;
  const pair: Pair = {
    tree,
    peer,
    treeId,
    peerId,
    highest: (highest as number | null) ?? -1,
    highestInCall: -1,
    call: 0,
  };
  remember(state, pair);
  return pair;
}

/** Keeps memory bounded. Between calls only: within one, the pairs know what the call has brought so far. */
export function forgetSurplus(state: LogState): void {
  if (state.pairCount < maxPairs) return;
  state.pairs.clear();
  state.pairCount = 0;
}

function remember(state: LogState, pair: Pair): void {
  let peers = state.pairs.get(pair.tree);
  if (!peers) {
    peers = new Map();
    state.pairs.set(pair.tree, peers);
  }
  peers.set(pair.peer, pair);
  state.pairCount++;
}

/** The pair has its small integers, made where they are new. */
export function* internPair(state: LogState, pair: Pair): Sql<void> {
  if (pair.treeId === 0) pair.treeId = yield* intern(state, 'tree', pair.tree);
  if (pair.peerId === 0) pair.peerId = yield* intern(state, 'peer', pair.peer);
}

/** The small integer of who handed a record in, 0 for nobody. */
export function* internAuthor(state: LogState, author: string | undefined): Sql<number> {
  return author === undefined ? 0 : yield* intern(state, 'author', author);
}

function* intern(state: LogState, table: NameTable, name: string): Sql<number> {
  const known = (state.names[table].ids as ReadonlyMap<string, number>).get(name);
  if (known !== undefined) return known;
  const id = (yield* value(`INSERT INTO ${table} (name) VALUES (?) RETURNING id`, name)) as number;
  addName(state.names, table, id, name);
  return id;
}

/** The chain goes on over these digests; links are stored at the multiples of the stride. */
export function* extendTail(state: LogState, digests: readonly number[]): Sql<ChainDigest> {
  for (const digest of digests) {
    state.tail.push(digest);
    if (state.tail.length < chainStride) continue;
    state.link.chain = extendChain(state.link.chain, state.tail);
    state.link.position += chainStride;
    state.tail = [];
    yield* run('INSERT INTO chain (position, chain) VALUES (?, ?)', state.link.position, state.link.chain);
  }
  return extendChain(state.link.chain, state.tail);
}
