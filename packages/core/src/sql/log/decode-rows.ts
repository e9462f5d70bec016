import type { StoredRecord } from '../../contracts/op-store.ts';
import { StoreError } from '../../errors.ts';
import type { PeerId, TreeId, UserId } from '../../ids.ts';
import { digestSeed, seededDigest } from '../../log/chain.ts';
import { type Sql, type SqlRow, type SqlValue, value } from '../sql.ts';
import { bytesMaker } from './body-text.ts';
import { digestOfRow } from './row-digest.ts';

/** Columns of a record as `decodeRows` takes them. */
export const recordColumns = 'position, tree, peer, counter, received_at, via, digest, body';

/** Names of small integers, of one history of a log. */
export interface LogNames {
  readonly incarnation: string;
  readonly trees: Map<number, TreeId>;
  readonly peers: Map<number, PeerId>;
  readonly authors: Map<number, UserId>;
  /** First part of the digest, by tree and peer. */
  readonly seeds: Map<number, Map<number, number>>;
}

export function newNames(incarnation: string): LogNames {
  return { incarnation, trees: new Map(), peers: new Map(), authors: new Map(), seeds: new Map() };
}

const maxNames = 50_000;

/** Keeps memory bounded; between pages. */
export function forgetNames(names: LogNames): void {
  if (names.trees.size + names.peers.size + names.authors.size < maxNames) return;
  for (const map of [names.trees, names.peers, names.authors, names.seeds]) map.clear();
}

/** The records of some rows. Throws: corrupt for one that is not what was stored. */
export function* decodeRows(names: LogNames, found: readonly SqlRow[]): Sql<StoredRecord[]> {
  const records: StoredRecord[] = [];
  const makeBytes = bytesMaker(found.map((columns) => columns[7] as SqlValue));
  let lastTree = -1;
  let lastPeer = -1;
  let tree = '' as TreeId;
  let peer = '' as PeerId;
  let seed = 0;
  for (const [position, treeId, peerId, counter, receivedAt, via, digest, stored] of found) {
    if (treeId !== lastTree || peerId !== lastPeer) {
      lastTree = treeId as number;
      lastPeer = peerId as number;
      tree = names.trees.get(lastTree) ?? ((yield* nameOf(names.trees, 'tree', lastTree)) as TreeId);
      peer = names.peers.get(lastPeer) ?? ((yield* nameOf(names.peers, 'peer', lastPeer)) as PeerId);
      seed = seedOf(names, lastTree, lastPeer, tree, peer);
    }
    const body = makeBytes(stored as string | Uint8Array);
    const author =
      via === null ? undefined : (names.authors.get(via as number) ?? ((yield* nameOf(names.authors, 'author', via as number)) as UserId));
    if (digestOfRow(seededDigest(seed, counter as number, position as number, receivedAt as number, body), author) !== digest)
      throw new StoreError('corrupt', 'a record is not what was stored', { context: { position, tree, peer, counter } });
    const record = { tree, peer, counter: counter as number, body, position: position as number, receivedAt: receivedAt as number };
    records.push(author === undefined ? record : { ...record, via: author });
  }
  return records;
}

function seedOf(names: LogNames, treeId: number, peerId: number, tree: string, peer: string): number {
  let peers = names.seeds.get(treeId);
  if (!peers) {
    peers = new Map();
    names.seeds.set(treeId, peers);
  }
  let seed = peers.get(peerId);
  if (seed === undefined) {
    seed = digestSeed(tree, peer);
    peers.set(peerId, seed);
  }
  return seed;
}

function* nameOf<Name extends string>(names: Map<number, Name>, table: 'tree' | 'peer' | 'author', id: number): Sql<Name> {
  const name = (yield* value(`SELECT name FROM ${table} WHERE id = ?`, id)) as Name | undefined;
  if (name === undefined) throw new StoreError('corrupt', `a record names a ${table} that is not there`, { context: { id } });
  names.set(id, name);
  return name;
}
