import type { Head } from '../../contracts/op-store.ts';
import { StoreError } from '../../errors.ts';
import type { WorkspaceId } from '../../ids.ts';
import { type ChainDigest, chainTag, emptyChain } from '../../log/chain.ts';
import { type Cursor, encodeCursor, type Fork } from '../../log/cursor.ts';
import { newIncarnation } from '../log/log-head.ts';
import { digestOfHead } from '../log/row-digest.ts';
import type { SqlRow, SqlValue } from '../sql.ts';
import { integers, texts } from './arrays.ts';
import type { PostgresAnswer, PostgresStep } from './engine.ts';

/** The head row of a workspace: where its log stands. Whoever writes to the log locks it first. */
export interface SharedHead {
  readonly workspace: WorkspaceId;
  readonly incarnation: string;
  readonly lineage: readonly Fork[];
  /** Also the number of records. */
  readonly position: number;
  /** `receivedAt` of the last record. */
  readonly receivedAt: number;
  readonly epoch: number;
  readonly bytes: number;
  readonly maxCounter: number;
  /** Pairs of a tree and a peer; they have the integers 1 to this. */
  readonly pairs: number;
  /** The chain at `position`. */
  readonly chain: ChainDigest;
}

const columns = 'workspace, incarnation, lineage, position, received_at, epoch, bytes, max_counter, pairs, chain, digest';

/** Heads of some workspaces, locked in the order of their ids: transactions that lock several can't wait for each other in a circle. */
export function lockHeads(workspaces: readonly WorkspaceId[]): PostgresStep {
  return {
    sql: `SELECT ${columns} FROM head WHERE workspace = ANY ($1::text[]) ORDER BY workspace FOR UPDATE`,
    values: [texts(workspaces)],
  };
}

export function selectHead(workspace: WorkspaceId): PostgresStep {
  return { sql: `SELECT ${columns} FROM head WHERE workspace = $1`, values: [workspace] };
}

/** Makes heads where there are none; answers with those it made. */
export function insertHeads(heads: readonly SharedHead[]): PostgresStep {
  return {
    sql: `INSERT INTO head (${columns})
SELECT u.workspace, u.incarnation, '[]', 0, 0, 0, 0, -1, 0, $4::bytea, u.digest
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS u (workspace, incarnation, digest) ORDER BY u.workspace
ON CONFLICT (workspace) DO NOTHING RETURNING workspace`,
    values: [
      texts(heads.map((head) => head.workspace)),
      texts(heads.map((head) => head.incarnation)),
      integers(heads.map(digestOf)),
      emptyChain,
    ],
  };
}

/** Heads move on after an append. The number of rows changed must be that of the heads. */
export function moveHeads(heads: readonly SharedHead[]): PostgresStep {
  return {
    sql: `UPDATE head AS h SET position = u.position, received_at = u.received_at, bytes = u.bytes, max_counter = u.max_counter, pairs = u.pairs,
 chain = substring($7::bytea FROM (u.n * 32 - 31)::int FOR 32), digest = u.digest
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::int[], $8::bigint[])
 WITH ORDINALITY AS u (workspace, position, received_at, bytes, max_counter, pairs, digest, n)
WHERE h.workspace = u.workspace`,
    values: [
      texts(heads.map((head) => head.workspace)),
      integers(heads.map((head) => head.position)),
      integers(heads.map((head) => head.receivedAt)),
      integers(heads.map((head) => head.bytes)),
      integers(heads.map((head) => head.maxCounter)),
      integers(heads.map((head) => head.pairs)),
      joinedChains(heads),
      integers(heads.map(digestOf)),
    ],
  };
}

/** 32 bytes of each, one after the other. */
export function joinedChains(rows: readonly { readonly chain: ChainDigest }[]): Uint8Array {
  const chains = new Uint8Array(rows.length * 32);
  for (const [i, { chain }] of rows.entries()) chains.set(chain, i * 32);
  return chains;
}

/** The head row is this one, which is there already. */
export function replaceHead(head: SharedHead): PostgresStep {
  return {
    sql: `UPDATE head SET incarnation = $2, lineage = $3, position = $4, received_at = $5, epoch = $6, bytes = $7, max_counter = $8, pairs = $9,
 digest = $10, chain = $11 WHERE workspace = $1`,
    values: [...partsOf(head), digestOf(head), head.chain],
  };
}

function partsOf(head: SharedHead): readonly (string | number)[] {
  const { workspace, incarnation, lineage, position, receivedAt, epoch, bytes, maxCounter, pairs } = head;
  return [workspace, incarnation, JSON.stringify(lineage), position, receivedAt, epoch, bytes, maxCounter, pairs];
}

function digestOf(head: SharedHead): number {
  return digestOfHead(partsOf(head), head.chain);
}

/** The heads of an answer. Throws: corrupt. */
export function headsOf(answer: PostgresAnswer | undefined): readonly SharedHead[] {
  return (answer?.rows ?? []).map(headOf);
}

function headOf(row: SqlRow): SharedHead {
  const [workspace, incarnation, lineage, position, receivedAt, epoch, bytes, maxCounter, pairs, chain, digest] =
    row as readonly SqlValue[];
  const head: SharedHead = {
    workspace: workspace as WorkspaceId,
    incarnation: incarnation as string,
    lineage: parseLineage(lineage as string),
    position: position as number,
    receivedAt: receivedAt as number,
    epoch: epoch as number,
    bytes: bytes as number,
    maxCounter: maxCounter as number,
    pairs: pairs as number,
    chain: chain as Uint8Array,
  };
  if (digestOf(head) !== digest)
    throw new StoreError('corrupt', 'the head of the log is not what was stored', { context: { workspace: head.workspace } });
  return head;
}

function parseLineage(text: string): readonly Fork[] {
  try {
    return JSON.parse(text) as readonly Fork[];
  } catch (cause) {
    throw new StoreError('corrupt', 'the head of the log is not what was stored', { cause });
  }
}

/** The head of a log that begins now. */
export function newHead(workspace: WorkspaceId): SharedHead {
  return {
    workspace,
    incarnation: newIncarnation(),
    lineage: [],
    position: 0,
    receivedAt: 0,
    epoch: 0,
    bytes: 0,
    maxCounter: -1,
    pairs: 0,
    chain: emptyChain,
  };
}

export function headCursor({ incarnation, position, chain }: SharedHead): Cursor {
  return encodeCursor({ incarnation, position, chain: chainTag(chain) });
}

/** The head as callers see it. */
export function publicHead(head: SharedHead): Head {
  const { incarnation, lineage, position, epoch, bytes, maxCounter } = head;
  return { incarnation, lineage, position, cursor: headCursor(head), epoch, records: position, bytes, maxCounter };
}
