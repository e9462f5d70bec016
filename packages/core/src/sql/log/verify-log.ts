import { equalBytes } from '../../bytes.ts';
import type { PeerId, TreeId } from '../../ids.ts';
import { type ChainDigest, emptyChain, extendChain, recordDigest } from '../../log/chain.ts';
import type { SqlWork } from '../database.ts';
import { rows, type Sql, value } from '../sql.ts';
import { chainStride, type HeadRow, readHead } from './log-head.ts';
import { indexSum, type NameTable } from './log-names.ts';
import { readRowHead, rowCursor } from './row-data.ts';
import { digestOfRow, idDigest } from './row-digest.ts';

/** Something in a workspace that is not as it was written. */
export interface LogProblem {
  /** `changed`: a record is not what was stored there, or was moved; `missing`: its place is empty; `unexpected`: beyond the head; `chain`: records up to
   *  `position` were exchanged together with their digests; `index`: what finds records by their ids is not what was stored; `head`: the head's sums are wrong; `file`: SQLite finds the file damaged. */
  readonly kind: 'changed' | 'missing' | 'unexpected' | 'chain' | 'index' | 'head' | 'file';
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
  /** Of trees, peers and authors, by their small integers. */
  readonly names: readonly [ReadonlyMap<number, string>, ReadonlyMap<number, string>, ReadonlyMap<number, string>];
  readonly problems: LogProblem[];
}

/** Reads everything and names what is wrong. What is written meanwhile is not looked at. Undefined if there is no log. */
export async function verifyLog(
  read: <Result>(work: SqlWork<Result>) => Promise<Result | undefined>,
  { pause, maxProblems = 1000 }: VerifyOptions,
): Promise<LogReport | undefined> {
  const head = await read(() => readHead());
  if (!head) return undefined;
  const problems: LogProblem[] = [];
  for (const [text] of (await read(() => rows('PRAGMA integrity_check(20)'))) ?? [])
    if (text !== 'ok') problems.push({ kind: 'file', message: String(text) });
  const names = (await read(readAllNames)) ?? [new Map(), new Map(), new Map()];
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

function* readAllNames(): Sql<Walk['names']> {
  return [yield* namesIn('tree'), yield* namesIn('peer'), yield* namesIn('author')];
}

function* namesIn(table: NameTable): Sql<ReadonlyMap<number, string>> {
  return new Map((yield* rows(`SELECT id, name FROM ${table}`)).map(([id, name]) => [id as number, name as string]));
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
  const isRead = readRowHead(data, row);
  const body = data.subarray(row.at);
  const [trees, peers, authors] = walk.names;
  const tree = (trees.get(row.tree) ?? '') as TreeId;
  const peer = (peers.get(row.peer) ?? '') as PeerId;
  const { counter, receivedAt, digest } = row;
  const isWhole = isRead && row.bodyBytes === body.length;
  const via = row.author === 0 ? undefined : (authors.get(row.author) ?? '');
  if (!isWhole || digestOfRow(recordDigest({ tree, peer, counter, position, receivedAt, body }), via) !== digest)
    walk.problems.push({ kind: 'changed', message: 'not the record that was stored here', position, tree, peer, counter });
  walk.bytes += body.length;
  walk.largestBody = Math.max(walk.largestBody, body.length);
  walk.idSum += idDigest(row.tree, row.peer, counter, position);
  walk.maxCounter = Math.max(walk.maxCounter, counter);
  walk.tail.push(digest);
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

function* compareHead(walk: Walk, head: HeadRow): Sql<true> {
  const { problems, position } = walk;
  if (walk.known && !equalBytes(head.chain, extendChain(walk.link, walk.tail)))
    problems.push({ kind: 'chain', message: 'the chain over the records up to the head is broken', position });
  if (problems.length === 0) {
    const sums = [
      head.position === head.records,
      head.bytes === walk.bytes,
      head.maxCounter === walk.maxCounter,
      head.idSum === walk.idSum,
    ];
    if (sums.includes(false)) problems.push({ kind: 'head', message: 'the head does not sum up its records', position });
  }
  const now = yield* readHead();
  if (now && (yield* indexSum()) !== now.idSum)
    problems.push({ kind: 'index', message: 'what finds records by their ids is not what was stored', position });
  const beyond = yield* value('SELECT min(position) FROM record WHERE position < 1 OR position > ?', now?.position ?? 0);
  if (typeof beyond === 'number') problems.push({ kind: 'unexpected', message: 'a record outside the log', position: beyond });
  return true;
}
