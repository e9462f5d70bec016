import { equalBytes } from '../../bytes.ts';
import type { PeerId, TreeId } from '../../ids.ts';
import { type ChainDigest, emptyChain, extendChain } from '../../log/chain.ts';
import type { SqlWork } from '../database.ts';
import { rows, type Sql, value } from '../sql.ts';
import { chainStride, type HeadRow, readHead } from './log-head.ts';
import { indexSum, type NameTable } from './log-names.ts';
import { digestOfRow, isAsWritten, readRowHead, rowCursor } from './row-data.ts';
import { idDigest, nameDigest } from './row-digest.ts';

/** Something in a workspace that is not as it was written. */
export interface LogProblem {
  /** `changed`: a record is not what was stored there, or was moved; `missing`: its place is empty; `unexpected`: beyond the head; `chain`: records up to
   *  `position` were exchanged together with their digests; `index`: what finds records by their ids is not what was stored; `names`: those of trees, peers or authors are not; `head`: the head's sums are wrong; `file`: SQLite finds the file damaged. */
  readonly kind: 'changed' | 'missing' | 'unexpected' | 'chain' | 'index' | 'names' | 'head' | 'file';
  readonly message: string;
  readonly position?: number;
  readonly tree?: TreeId;
  readonly peer?: PeerId;
  readonly counter?: number;
}

export interface LogReport {
  /** Records looked at. */
  readonly records: number;
  /** Bytes of the largest body. */
  readonly largestBody: number;
  /** At most `maxProblems` of them. */
  readonly problems: readonly LogProblem[];
}

export interface VerifyOptions {
  /** Lets others work in between. */
  readonly pause: () => Promise<void>;
  readonly maxProblems?: number;
}

/** Records looked at in one turn. */
const batch = 16 * chainStride;

/** By their small integers. */
type Names = Readonly<Record<NameTable, ReadonlyMap<number, string>>>;

interface Walk {
  position: number;
  bytes: number;
  maxCounter: number;
  largestBody: number;
  link: ChainDigest;
  tail: number[];
  /** False where records are missing, until the next stored link: the chain can't be judged there. */
  known: boolean;
  idSum: number;
  readonly names: Names;
  readonly problems: LogProblem[];
}

/** Reads everything and names what is wrong. What is written meanwhile is not looked at. Undefined if there is no log. */
export async function verifyLog(
  read: <Result>(work: SqlWork<Result>) => Promise<Result | undefined>,
  { pause, maxProblems = 1000 }: VerifyOptions,
): Promise<LogReport | undefined> {
  const start = await read(readStart);
  if (!start) return undefined;
  const { head, names } = start;
  const problems: LogProblem[] = [];
  for (const [text] of (await read(() => rows('PRAGMA integrity_check(20)'))) ?? [])
    if (text !== 'ok') problems.push({ kind: 'file', message: String(text) });
  const walk: Walk = {
    position: 0,
    bytes: 0,
    maxCounter: -1,
    largestBody: 0,
    idSum: 0,
    names,
    link: emptyChain,
    tail: [],
    known: true,
    problems,
  };
  while (walk.position < head.position && problems.length < maxProblems) {
    await read(() => walkOn(walk, Math.min(head.position, walk.position + batch)));
    await pause();
  }
  if (walk.position === head.position) await read(() => compareHead(walk, head));
  return { records: walk.position, largestBody: walk.largestBody, problems: problems.slice(0, maxProblems) };
}

function* readStart(): Sql<{ readonly head: HeadRow; readonly names: Names } | undefined> {
  const head = yield* readHead();
  return head && { head, names: { tree: yield* namesIn('tree'), peer: yield* namesIn('peer'), author: yield* namesIn('author') } };
}

function* namesIn(table: NameTable): Sql<ReadonlyMap<number, string>> {
  return new Map((yield* rows(`SELECT id, name FROM ${table} NOT INDEXED`)).map(([id, name]) => [id as number, name as string]));
}

function* walkOn(walk: Walk, to: number): Sql<true> {
  const found = yield* rows('SELECT position, data FROM record WHERE position > ? AND position <= ? ORDER BY position', walk.position, to);
  const links = new Map(
    (yield* rows('SELECT position, chain FROM chain WHERE position > ? AND position <= ?', walk.position, to)).map(
      ([position, chain]) => [position as number, chain as Uint8Array] as const,
    ),
  );
  let next = 0;
  while (walk.position < to) {
    const position = walk.position + 1;
    const columns = found[next];
    if (columns?.[0] === position) {
      next++;
      judgeRow(walk, position, columns[1] as Uint8Array);
    } else {
      walk.problems.push({ kind: 'missing', message: 'no record at this place', position });
      walk.known = false;
    }
    walk.position = position;
    if (position % chainStride === 0) compareLink(walk, links.get(position));
  }
  return true;
}

function judgeRow(walk: Walk, position: number, data: Uint8Array): void {
  const row = rowCursor();
  const isWhole = isAsWritten(data) && readRowHead(data, row) && row.at + row.bodyBytes + 4 === data.length;
  const { counter, bodyBytes } = row;
  if (!isWhole || row.position !== position) {
    const tree = walk.names.tree.get(row.tree) as TreeId | undefined;
    const peer = walk.names.peer.get(row.peer) as PeerId | undefined;
    const id = tree === undefined || peer === undefined ? {} : { tree, peer, counter };
    walk.problems.push({ kind: 'changed', message: 'not the record that was stored here', position, ...id });
  }
  walk.bytes += bodyBytes;
  walk.largestBody = Math.max(walk.largestBody, bodyBytes);
  walk.idSum += idDigest(row.tree, row.peer, counter, position);
  walk.maxCounter = Math.max(walk.maxCounter, counter);
  walk.tail.push(digestOfRow(data));
}

function compareLink(walk: Walk, stored: Uint8Array | undefined): void {
  const expected = extendChain(walk.link, walk.tail);
  if (stored === undefined || (walk.known && !equalBytes(stored, expected)))
    walk.problems.push({ kind: 'chain', message: 'the chain over the records up to here is broken', position: walk.position });
  // From the stored link on, so that one fault is told once.
  walk.link = stored ?? expected;
  walk.tail = [];
  walk.known = true;
}

function sumOf(names: Names): number {
  let sum = 0;
  for (const table of ['tree', 'peer', 'author'] as const) for (const [id, name] of names[table]) sum += nameDigest(table, id, name);
  return sum;
}

function* compareHead(walk: Walk, head: HeadRow): Sql<true> {
  const { problems, position } = walk;
  if (walk.known && !equalBytes(head.chain, extendChain(walk.link, walk.tail)))
    problems.push({ kind: 'chain', message: 'the chain over the records up to the head is broken', position });
  if (problems.length === 0) {
    const sums = [
      head.position === head.records,
      head.bytes === walk.bytes,
      head.maxCounter === walk.maxCounter,
      head.maxBody === walk.largestBody,
      head.idSum === walk.idSum,
    ];
    if (sums.includes(false)) problems.push({ kind: 'head', message: 'the head does not sum up its records', position });
  }
  if (sumOf(walk.names) !== head.nameSum)
    problems.push({ kind: 'names', message: 'the names of trees, peers or authors are not what was stored', position });
  const now = yield* readHead();
  if (now && (yield* indexSum()) !== now.idSum)
    problems.push({ kind: 'index', message: 'what finds records by their ids is not what was stored', position });
  const beyond = yield* value('SELECT min(position) FROM record WHERE position < 1 OR position > ?', now?.position ?? 0);
  if (typeof beyond === 'number') problems.push({ kind: 'unexpected', message: 'a record outside the log', position: beyond });
  return true;
}
