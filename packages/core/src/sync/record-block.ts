import type { OpRecord } from '../contracts/op-store.ts';
import { StoreError } from '../errors.ts';
import { type PeerId, parsePeerId, parseTreeId, type TreeId } from '../ids.ts';
import { type ByteSink, type ByteSource, byteSink, putAscii, putBytes, putVarint, reserve, sunk, takeAscii, takeVarint } from './varint.ts';

/** Ids that were parsed before: a connection names the same few again and again. Bounded, and forgotten as a whole. */
export interface IdCache {
  readonly trees: Set<string>;
  readonly peers: Set<string>;
}

const maxCachedIds = 4096;
const maxIdBytes = 128;
/** A step between two counters of a run stays below this, so that its zigzag form is a safe integer. */
const maxStep = 2 ** 51;

export function idCache(): IdCache {
  return { trees: new Set(), peers: new Set() };
}

interface Run {
  readonly tree: number;
  readonly peer: number;
  readonly from: number;
  to: number;
}

/** Appends records as a block that needs nothing outside itself: a dictionary of ids, runs of counters, body lengths, bodies joined. */
export function putRecordBlock(sink: ByteSink, records: readonly OpRecord[]): void {
  const trees = new Map<string, number>();
  const peers = new Map<string, number>();
  const runs = findRuns(records, trees, peers);
  putVarint(sink, records.length);
  putDictionary(sink, trees);
  putDictionary(sink, peers);
  putVarint(sink, runs.length);
  for (const run of runs) {
    putVarint(sink, run.tree);
    putVarint(sink, run.peer);
    putVarint(sink, run.to - run.from);
    let previous = (records[run.from] as OpRecord).counter;
    putVarint(sink, previous);
    for (let i = run.from + 1; i < run.to; i++) {
      const { counter } = records[i] as OpRecord;
      putVarint(sink, zigzag(counter - previous));
      previous = counter;
    }
  }
  let bodyBytes = 0;
  for (const { body } of records) {
    putVarint(sink, body.length);
    bodyBytes += body.length;
  }
  reserve(sink, bodyBytes);
  for (const { body } of records) putBytes(sink, body);
}

export function encodeRecordBlock(records: readonly OpRecord[]): Uint8Array {
  const sink = byteSink(256 + records.length * 16 + bytesOf(records));
  putRecordBlock(sink, records);
  return sunk(sink);
}

/** Body bytes of records together. */
export function bytesOf(records: readonly OpRecord[]): number {
  let sum = 0;
  for (const { body } of records) sum += body.length;
  return sum;
}

function findRuns(records: readonly OpRecord[], trees: Map<string, number>, peers: Map<string, number>): readonly Run[] {
  const runs: Run[] = [];
  let open: Run | undefined;
  let previous: OpRecord | undefined;
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as OpRecord;
    const joins =
      open !== undefined &&
      previous !== undefined &&
      record.tree === previous.tree &&
      record.peer === previous.peer &&
      Math.abs(record.counter - previous.counter) < maxStep;
    if (joins) (open as Run).to = i + 1;
    else {
      open = { tree: indexIn(trees, record.tree), peer: indexIn(peers, record.peer), from: i, to: i + 1 };
      runs.push(open);
    }
    previous = record;
  }
  return runs;
}

function indexIn(dictionary: Map<string, number>, name: string): number {
  const known = dictionary.get(name);
  if (known !== undefined) return known;
  dictionary.set(name, dictionary.size);
  return dictionary.size - 1;
}

function putDictionary(sink: ByteSink, dictionary: ReadonlyMap<string, number>): void {
  putVarint(sink, dictionary.size);
  for (const name of dictionary.keys()) putAscii(sink, name);
}

/** The number of records a block says it has, without reading on. */
export function peekRecordCount(source: ByteSource): number {
  return takeVarint({ bytes: source.bytes, at: source.at, end: source.end });
}

/** The records of the block that fills the rest of the source. Bodies are views into it.
 *  Throws: invalid, for anything that is not exactly one whole block. */
export function takeRecordBlock(source: ByteSource, ids: IdCache): readonly OpRecord[] {
  const count = takeVarint(source);
  // Every record takes a byte for its length at least: a larger number is a lie, and nothing is allocated for it.
  if (count > source.end - source.at) throw malformed('more records than bytes');
  const trees = takeDictionary(source, count, ids.trees, parseTreeId);
  const peers = takeDictionary(source, count, ids.peers, parsePeerId);
  const runs = takeRuns(source, count, trees.length, peers.length);
  const lengths = takeLengths(source, count);
  const records: OpRecord[] = [];
  let next = 0;
  for (const { tree, peer, length } of runs.all)
    for (const end = next + length; next < end; next++) {
      const start = source.at;
      source.at += lengths[next] as number;
      const body = source.bytes.subarray(start, source.at);
      records.push({ tree: trees[tree] as TreeId, peer: peers[peer] as PeerId, counter: runs.counters[next] as number, body });
    }
  return records;
}

interface Runs {
  readonly all: readonly { readonly tree: number; readonly peer: number; readonly length: number }[];
  readonly counters: Float64Array;
}

function takeRuns(source: ByteSource, count: number, trees: number, peers: number): Runs {
  const runCount = takeVarint(source);
  if (runCount > count) throw malformed('more runs than records');
  const all: { readonly tree: number; readonly peer: number; readonly length: number }[] = [];
  const counters = new Float64Array(count);
  let filled = 0;
  for (let r = 0; r < runCount; r++) {
    const tree = takeVarint(source);
    const peer = takeVarint(source);
    const length = takeVarint(source);
    if (tree >= trees || peer >= peers) throw malformed('a run names an id that its dictionary does not have');
    if (length === 0 || length > count - filled) throw malformed('runs and records do not add up');
    let counter = takeVarint(source);
    counters[filled++] = counter;
    for (let i = 1; i < length; i++) {
      counter += unzigzag(takeVarint(source));
      if (counter < 0 || counter > Number.MAX_SAFE_INTEGER) throw malformed('a counter is out of range');
      counters[filled++] = counter;
    }
    all.push({ tree, peer, length });
  }
  if (filled !== count) throw malformed('runs and records do not add up');
  return { all, counters };
}

/** Lengths of bodies that fill the rest exactly. */
function takeLengths(source: ByteSource, count: number): Uint32Array {
  const lengths = new Uint32Array(count);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const length = takeVarint(source);
    sum += length;
    if (sum > source.end - source.at) throw malformed('a body reaches beyond the frame');
    lengths[i] = length;
  }
  if (sum !== source.end - source.at) throw malformed('bytes are left over');
  return lengths;
}

function takeDictionary<Id extends string>(
  source: ByteSource,
  count: number,
  known: Set<string>,
  parse: (value: string) => Id,
): readonly Id[] {
  const size = takeVarint(source);
  if (size > count) throw malformed('more names than records');
  const names: Id[] = [];
  for (let i = 0; i < size; i++) {
    const text = takeAscii(source, maxIdBytes);
    if (known.has(text)) names.push(text as Id);
    else {
      names.push(parse(text));
      if (known.size >= maxCachedIds) known.clear();
      known.add(text);
    }
  }
  return names;
}

function zigzag(step: number): number {
  return step < 0 ? -2 * step - 1 : 2 * step;
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function malformed(reason: string): StoreError {
  return new StoreError('invalid', `malformed records in a frame: ${reason}`);
}
