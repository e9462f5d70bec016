import type { StoredRecord } from '../../contracts/op-store.ts';
import { StoreError } from '../../errors.ts';
import type { PeerId, TreeId, UserId, WorkspaceId } from '../../ids.ts';
import { digestSeed, seededDigest } from '../../log/chain.ts';
import { digestOfRow } from '../log/row-digest.ts';
import type { SqlRow } from '../sql.ts';
import { integers } from './arrays.ts';
import type { PostgresStep } from './engine.ts';

const selectRecords = `SELECT r.position, p.tree, p.peer, r.counter, r.received_at, r.via, r.digest, r.body, r.pair
FROM record r JOIN pair p ON p.workspace = r.workspace AND p.id = r.pair WHERE r.workspace = $1`;

/** Records after a place up to another, at most `count`. */
export function recordsBetween(workspace: WorkspaceId, from: number, to: number, count: number): PostgresStep {
  return {
    sql: `${selectRecords} AND r.position > $2 AND r.position <= $3 ORDER BY r.position LIMIT $4`,
    values: [workspace, from, to, count],
  };
}

export function recordsAt(workspace: WorkspaceId, positions: readonly number[]): PostgresStep {
  return { sql: `${selectRecords} AND r.position = ANY ($2::bigint[]) ORDER BY r.position`, values: [workspace, integers(positions)] };
}

/** The record of a row. Throws: corrupt if it is not what was stored. */
export function decodeRecord(row: SqlRow, seeds: Map<number, number>): StoredRecord {
  const [position, tree, peer, counter, receivedAt, via, digest, body, pair] = row as readonly [
    number,
    TreeId,
    PeerId,
    number,
    number,
    UserId | null,
    number,
    Uint8Array,
    number,
  ];
  let seed = seeds.get(pair);
  if (seed === undefined) {
    seed = digestSeed(tree, peer);
    seeds.set(pair, seed);
  }
  if (digestOfRow(seededDigest(seed, counter, position, receivedAt, body), via) !== digest)
    throw new StoreError('corrupt', 'a record is not what was stored', { context: { position, tree, peer, counter } });
  const record = { tree, peer, counter, body, position, receivedAt };
  return via === null ? record : { ...record, via };
}
