import type { OpRecord } from '../contracts/op-store.ts';
import { StoreError } from '../errors.ts';
import type { PeerId, TreeId } from '../ids.ts';
import type { IdCache } from './id-cache.ts';
import type { PagedRecord } from './messages.ts';
import { type ByteSink, type ByteSource, byteSink, putAscii, putBytes, putVarint, reserve, sunk, takeBytes, takeVarint } from './varint.ts';

/** A step between two counters of a run stays below this, so that its zigzag form is a safe integer. */
const maxStep = 2 ** 51;

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
  putBodies(sink, records);
}

/** Bodies that lie side by side in one buffer, as stores hand them out, are copied together. */
function putBodies(sink: ByteSink, records: readonly OpRecord[]): void {
  let first: Uint8Array | undefined;
  let length = 0;
  const flush = (): void => {
    if (first !== undefined) putBytes(sink, new Uint8Array(first.buffer, first.byteOffset, length));
  };
  for (const { body } of records) {
    if (first !== undefined && body.buffer === first.buffer && body.byteOffset === first.byteOffset + length) length += body.length;
    else {
      flush();
      first = body;
      length = body.length;
    }
  }
  flush();
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
  return takeRecords(source, ids, draftRecord);
}

function draftRecord(tree: TreeId, peer: PeerId, counter: number): Draft<OpRecord> {
  return { tree, peer, counter, body: noBody };
}

/** The same with a place, and perhaps a time, for each record. Throws: invalid, as above and if there are more or fewer. */
export function takePagedBlock(
  source: ByteSource,
  ids: IdCache,
  positions: readonly number[],
  times: readonly number[] | undefined,
): readonly PagedRecord[] {
  const records = takeRecords(source, ids, (tree, peer, counter, index): Draft<PagedRecord> => {
    const position = positions[index] as number;
    return times === undefined
      ? { tree, peer, counter, body: noBody, position }
      : { tree, peer, counter, body: noBody, position, receivedAt: times[index] as number };
  });
  if (records.length !== positions.length) throw malformed('a page has more or fewer records than positions');
  return records;
}

/** A record whose body is still to come. */
type Draft<Of extends OpRecord> = Omit<Of, 'body'> & { body: Uint8Array };

const noBody = new Uint8Array(0);

/** Records are made as their ids are read and get their bodies at the end: nothing is gathered in between. */
function takeRecords<Of extends OpRecord>(
  source: ByteSource,
  ids: IdCache,
  make: (tree: TreeId, peer: PeerId, counter: number, index: number) => Draft<Of>,
): Draft<Of>[] {
  const count = takeVarint(source);
  // Every record takes a byte for its length at least: a larger number is a lie, and nothing is made for it.
  if (count > source.end - source.at) throw malformed('more records than bytes');
  const trees = takeDictionary(source, count, ids.tree);
  const peers = takeDictionary(source, count, ids.peer);
  const runCount = takeVarint(source);
  if (runCount > count) throw malformed('more runs than records');
  const records: Draft<Of>[] = [];
  for (let r = 0; r < runCount; r++) {
    const tree = trees[takeVarint(source)];
    const peer = peers[takeVarint(source)];
    const end = records.length + takeVarint(source);
    if (tree === undefined || peer === undefined) throw malformed('a run names an id that its dictionary does not have');
    if (end === records.length || end > count) throw malformed('runs and records do not add up');
    let counter = takeVarint(source);
    for (;;) {
      records.push(make(tree, peer, counter, records.length));
      if (records.length === end) break;
      counter += unzigzag(takeVarint(source));
      if (counter < 0 || counter > Number.MAX_SAFE_INTEGER) throw malformed('a counter is out of range');
    }
  }
  if (records.length !== count) throw malformed('runs and records do not add up');
  takeBodies(source, records);
  return records;
}

/** Lengths, then bodies that fill the rest exactly: all lengths are known to be sound before one is used. */
function takeBodies(source: ByteSource, records: readonly { body: Uint8Array }[]): void {
  const lengths: ByteSource = { bytes: source.bytes, at: source.at, end: source.end };
  let sum = 0;
  for (let i = 0; i < records.length; i++) {
    sum += takeVarint(source);
    if (sum > source.end - source.at) throw malformed('a body reaches beyond the frame');
  }
  if (sum !== source.end - source.at) throw malformed('bytes are left over');
  for (const record of records) record.body = takeBytes(source, takeVarint(lengths));
}

function takeDictionary<Id extends string>(source: ByteSource, count: number, take: (source: ByteSource) => Id): readonly Id[] {
  const size = takeVarint(source);
  if (size > count) throw malformed('more names than records');
  const names: Id[] = [];
  for (let i = 0; i < size; i++) names.push(take(source));
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
