import type { StoredRecord } from '../../contracts/op-store.ts';
import { StoreError } from '../../errors.ts';
import type { PeerId, TreeId } from '../../ids.ts';
import { seededDigest } from '../../log/chain.ts';
import type { JoinedRows } from './joined-rows.ts';
import { type LogNames, seedOf } from './log-names.ts';
import { readRowHead, rowCursor } from './row-data.ts';
import { digestOfRow } from './row-digest.ts';

/** Whether a record is asked for, by the small integers of its tree and peer. */
export type RowTest = (tree: number, peer: number, counter: number) => boolean;

/** The records of some rows at these positions, those that pass. Their bodies lie side by side in one buffer. The digest of each row is added to
 *  `digests`. Throws: corrupt for a row, whether it passes or not, that is not what was stored. */
export function decodeRows(
  names: LogNames,
  { count, data }: JoinedRows,
  positionOf: (index: number) => number,
  digests: number[],
  passes?: RowTest,
): StoredRecord[] {
  const records: StoredRecord[] = [];
  const { buffer, byteOffset } = data;
  const row = rowCursor();
  let lastTree = -1;
  let lastPeer = -1;
  let tree = '' as TreeId;
  let peer = '' as PeerId;
  let seed = 0;
  for (let i = 0; i < count; i++) {
    const position = positionOf(i);
    if (!readRowHead(data, row)) throw notAsStored(position);
    const { counter, receivedAt, digest } = row;
    if (row.tree !== lastTree || row.peer !== lastPeer) {
      lastTree = row.tree;
      lastPeer = row.peer;
      tree = nameOf(names.tree.names, lastTree);
      peer = nameOf(names.peer.names, lastPeer);
      seed = seedOf(names, lastTree, lastPeer, tree, peer);
    }
    const body = new Uint8Array(buffer as ArrayBuffer, byteOffset + row.at, row.bodyBytes);
    row.at += row.bodyBytes;
    const author = row.author === 0 ? undefined : nameOf(names.author.names, row.author);
    if (digestOfRow(seededDigest(seed, counter, position, receivedAt, body), author) !== digest) throw notAsStored(position);
    digests.push(digest);
    if (passes !== undefined && !passes(lastTree, lastPeer, counter)) continue;
    const record = { tree, peer, counter, body, position, receivedAt };
    records.push(author === undefined ? record : { ...record, via: author });
  }
  if (row.at !== data.length) throw notAsStored(positionOf(count - 1));
  return records;
}

function notAsStored(position: number): StoreError {
  return new StoreError('corrupt', 'a record is not what was stored', { context: { position } });
}

function nameOf<Name extends string>(names: ReadonlyMap<number, Name>, id: number): Name {
  const name = names.get(id);
  if (name === undefined) throw new StoreError('corrupt', 'a record names what is not there', { context: { id } });
  return name;
}
