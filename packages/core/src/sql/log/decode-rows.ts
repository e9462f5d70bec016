import { crc32Bulk } from '#crc32';
import type { StoredRecord } from '../../contracts/op-store.ts';
import { StoreError } from '../../errors.ts';
import type { PeerId, TreeId } from '../../ids.ts';
import type { JoinedRows } from './joined-rows.ts';
import type { LogNames } from './log-names.ts';
import { endRow, readRowHead, rowCursor } from './row-data.ts';

/** Whether a record is asked for, by the small integers of its tree and peer. */
export type RowTest = (tree: number, peer: number, counter: number) => boolean;

/** The records of some rows at these positions, those that pass. Their bodies lie side by side in one buffer. The digest of each row is added to
 *  `digests`. Throws: corrupt if a row, whether it passes or not, is not what was stored there. */
export function decodeRows(
  names: LogNames,
  { count, data }: JoinedRows,
  positionOf: (index: number) => number,
  digests: number[],
  passes?: RowTest,
): StoredRecord[] {
  if (crc32Bulk(data) !== 0) throw notAsStored(positionOf(0), positionOf(count - 1));
  const records: StoredRecord[] = [];
  const buffer = data.buffer as ArrayBuffer;
  const { byteOffset } = data;
  const row = rowCursor();
  let lastTree = -1;
  let lastPeer = -1;
  let tree = '' as TreeId;
  let peer = '' as PeerId;
  for (let i = 0; i < count; i++) {
    if (!readRowHead(data, row) || row.position !== positionOf(i)) throw notAsStored(positionOf(i), positionOf(i));
    if (row.tree !== lastTree || row.peer !== lastPeer) {
      lastTree = row.tree;
      lastPeer = row.peer;
      tree = nameOf(names.tree.names, lastTree);
      peer = nameOf(names.peer.names, lastPeer);
    }
    const { position, counter, receivedAt, author } = row;
    const from = byteOffset + row.at;
    digests.push(endRow(data, row));
    if (passes !== undefined && !passes(lastTree, lastPeer, counter)) continue;
    const body = new Uint8Array(buffer, from, row.bodyBytes);
    const record = { tree, peer, counter, body, position, receivedAt };
    records.push(author === 0 ? record : { ...record, via: nameOf(names.author.names, author) });
  }
  if (row.at !== data.length) throw notAsStored(positionOf(0), positionOf(count - 1));
  return records;
}

function notAsStored(first: number, last: number): StoreError {
  return new StoreError('corrupt', 'records are not what was stored', { context: { first, last } });
}

function nameOf<Name extends string>(names: ReadonlyMap<number, Name>, id: number): Name {
  const name = names.get(id);
  if (name === undefined) throw new StoreError('corrupt', 'a record names what is not there', { context: { id } });
  return name;
}
