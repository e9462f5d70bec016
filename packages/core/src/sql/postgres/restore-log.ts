import { hexToBytes } from '@noble/hashes/utils.js';
import { equalBytes } from '../../bytes.ts';
import { parseEpoch } from '../../check-append-options.ts';
import { checkFileEntry } from '../../check-files.ts';
import { parseWriteId } from '../../check-secrets.ts';
import type { FileEntry } from '../../contracts/file-index.ts';
import { StoreError } from '../../errors.ts';
import { parseCounter, parsePeerId, parseSecretName, parseTreeId, parseUserId, parseWorkspaceId, type WorkspaceId } from '../../ids.ts';
import { digestSeed, seededDigest } from '../../log/chain.ts';
import { parseCursor } from '../../log/cursor.ts';
import { postgresFiles } from '../file-statements.ts';
import { newIncarnation } from '../log/log-head.ts';
import { digestOfRow } from '../log/row-digest.ts';
import { postgresSecrets } from '../secret-statements.ts';
import type { PostgresStep } from './engine.ts';
import type { NewRow } from './judge-calls.ts';
import { headCursor, headsOf, insertHeads, lockHeads, newHead, replaceHead, type SharedHead } from './log-head.ts';
import { extendTail, type LogState, newState, type Pair } from './log-state.ts';
import { insertLinks, insertPairs, insertRecords } from './record-rows.ts';
import type { HeadLine, SnapshotLine } from './snapshot-lines.ts';
import type { PostgresTransaction } from './transaction.ts';

export interface RestoreLimits {
  readonly maxBodyBytes: number;
  readonly maxSecretBytes: number;
}

interface Restoring {
  readonly workspace: WorkspaceId;
  readonly limits: RestoreLimits;
  readonly pairs: Map<number, Pair>;
  head: SharedHead;
  readonly told: HeadLine;
  readonly state: LogState;
}

/** The workspace is what the lines say, under a new incarnation, once the transaction is committed; this commits it.
 *  Throws: corrupt, invalid (of another workspace, or a name or number that can't be), too_large. */
export async function restoreLog(
  transaction: PostgresTransaction,
  workspace: WorkspaceId,
  lines: AsyncIterable<readonly SnapshotLine[]>,
  limits: RestoreLimits,
): Promise<SharedHead> {
  const [, locked] = await transaction.send([insertHeads([newHead(workspace)]), lockHeads([workspace])]);
  const [present] = headsOf(locked);
  if (!present) throw new StoreError('busy', 'the log was dropped meanwhile');
  await transaction.send(
    ['record', 'chain', 'pair', 'secret', 'file'].map((table) => ({
      sql: `DELETE FROM ${table} WHERE workspace = $1`,
      values: [workspace],
    })),
  );
  let restoring: Restoring | undefined;
  for await (const some of lines) {
    if (restoring) await take(transaction, restoring, some);
    else {
      const [first, ...rest] = some;
      restoring = begin(workspace, first as SnapshotLine, limits);
      await take(transaction, restoring, rest);
    }
  }
  if (!restoring) throw new StoreError('corrupt', 'the snapshot holds no log');
  const { told } = restoring;
  const read: SharedHead = { ...restoring.head, chain: extendTail(restoring.state, []).chain };
  if (read.position !== told.position || !equalBytes(read.chain, hexToBytes(told.chainHex)))
    throw new StoreError('corrupt', 'the snapshot does not have its chain');
  const head: SharedHead = {
    ...read,
    incarnation: newIncarnation(),
    lineage: [{ incarnation: told.incarnation, forkedAt: headCursor({ ...read, incarnation: told.incarnation }) }, ...read.lineage],
    epoch: Math.max(read.epoch, present.epoch),
  };
  await transaction.finish([replaceHead(head)]);
  return head;
}

function begin(workspace: WorkspaceId, line: SnapshotLine, limits: RestoreLimits): Restoring {
  const [kind, told] = line;
  if (kind !== 'head' || told.format !== 'spacestore-postgres-1') throw new StoreError('corrupt', 'not a snapshot of this kind of store');
  if (parseWorkspaceId(told.workspace) !== workspace)
    throw new StoreError('invalid', 'the snapshot is of another workspace', { context: { workspace, found: told.workspace } });
  const lineage = told.lineage.map(({ incarnation, forkedAt }) => ({
    incarnation: parseIncarnation(incarnation),
    forkedAt: parseCursor(forkedAt),
  }));
  const head: SharedHead = {
    ...newHead(workspace),
    incarnation: parseIncarnation(told.incarnation),
    lineage,
    epoch: parseEpoch(told.epoch),
  };
  return { workspace, limits, pairs: new Map(), head, told, state: newState(head, head.chain, []) };
}

function parseIncarnation(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{16}$/.test(value)) return value;
  throw new StoreError('corrupt', 'not the name of a history');
}

async function take(transaction: PostgresTransaction, restoring: Restoring, lines: readonly SnapshotLine[]): Promise<void> {
  const { workspace } = restoring;
  const pairs: Pair[] = [];
  const rows: NewRow[] = [];
  const steps: PostgresStep[] = [];
  for (const line of lines) {
    switch (line[0]) {
      case 'pair':
        pairs.push(pairOf(restoring, line));
        break;
      case 'record':
        rows.push(rowOf(restoring, line));
        break;
      case 'secret':
        steps.push(secretOf(restoring, line));
        break;
      case 'file':
        steps.push(fileOf(workspace, line));
        break;
      default:
        throw new StoreError('corrupt', 'a line of the snapshot is of no known kind');
    }
  }
  const { links } = extendTail(
    restoring.state,
    rows.map((row) => row.digest),
  );
  restoring.state.position = restoring.head.position;
  const all: readonly PostgresStep[] = [
    ...(pairs.length > 0 ? [insertPairs([{ workspace, rows: pairs }])] : []),
    ...(rows.length > 0 ? [insertRecords([{ workspace, rows }])] : []),
    ...(links.length > 0 ? [insertLinks([{ workspace, rows: links }])] : []),
    ...steps,
  ];
  if (all.length > 0) await transaction.send(all);
}

function pairOf(restoring: Restoring, [, id, tree, peer]: Extract<SnapshotLine, readonly ['pair', ...unknown[]]>): Pair {
  if (id !== restoring.head.pairs + 1) throw new StoreError('corrupt', 'the pairs of the snapshot have gaps');
  const pair = {
    id,
    tree: parseTreeId(tree),
    peer: parsePeerId(peer),
    seed: digestSeed(tree, peer),
    highest: -1,
    highestInCall: -1,
    call: 0,
  };
  restoring.pairs.set(id, pair);
  restoring.head = { ...restoring.head, pairs: id };
  return pair;
}

function rowOf(restoring: Restoring, line: Extract<SnapshotLine, readonly ['record', ...unknown[]]>): NewRow {
  const [, position, pairId, counter, receivedAt, author, bodyHex] = line;
  const { head, limits } = restoring;
  const pair = restoring.pairs.get(pairId);
  if (!pair || position !== head.position + 1 || parseCounter(receivedAt) < head.receivedAt)
    throw new StoreError('corrupt', 'the records of the snapshot are not in order', { context: { position } });
  const body = hexToBytes(bodyHex);
  if (body.length > limits.maxBodyBytes)
    throw new StoreError('too_large', 'a body of the snapshot is too large', { context: { sizeBytes: body.length } });
  const via = author === null ? undefined : parseUserId(author);
  const digest = digestOfRow(seededDigest(pair.seed, parseCounter(counter), position, receivedAt, body), via);
  restoring.head = { ...head, position, receivedAt, bytes: head.bytes + body.length, maxCounter: Math.max(head.maxCounter, counter) };
  return { pair, counter, position, receivedAt, via, digest, body };
}

function secretOf({ workspace, limits }: Restoring, line: Extract<SnapshotLine, readonly ['secret', ...unknown[]]>): PostgresStep {
  const [, name, valueHex, version, writeId] = line;
  const value = valueHex === null ? null : hexToBytes(valueHex);
  if (value !== null && value.length > limits.maxSecretBytes) throw new StoreError('too_large', 'a secret of the snapshot is too large');
  return { sql: postgresSecrets.write, values: [workspace, parseSecretName(name), value, parseCounter(version), parseWriteId(writeId)] };
}

function fileOf(workspace: WorkspaceId, line: Extract<SnapshotLine, readonly ['file', ...unknown[]]>): PostgresStep {
  const [, key, mimeType, name, sizeBytes, createdAt, state] = line;
  const entry = checkFileEntry({
    key,
    sizeBytes,
    createdAt,
    state,
    ...(mimeType === null ? {} : { mimeType }),
    ...(name === null ? {} : { name }),
  } as FileEntry);
  return {
    sql: postgresFiles.write,
    values: [workspace, entry.key, entry.mimeType ?? null, entry.name ?? null, sizeBytes, createdAt, state],
  };
}
