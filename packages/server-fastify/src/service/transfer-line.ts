import {
  type CodecName,
  encodeOp,
  type OpRecord,
  parseCounter,
  parsePeerId,
  parseTreeId,
  type RepTreeOp,
  StoreError,
} from '@spacestore/core';
import type { Line } from './lines.ts';
import { storedOp } from './record-codec.ts';

/** The record a line of a JSONL file says, or that it is a transient property, which is no data. The forms are RepTree's own,
 *  `{ treeId, id: { counter, peerId }, targetId, parentId }` and `{ treeId, id, targetId, key, value, transient }`, where a missing value is a deletion;
 *  a workspace of opaque bodies has `{ treeId, id, body }` in base64.  Throws: invalid, too_large. */
export function recordOfLine(codec: CodecName, line: Line): OpRecord | 'transient' {
  if ('tooLong' in line) throw new StoreError('too_large', 'the line is too long');
  const json = parseObject(line.text);
  const { treeId, id } = json;
  if (typeof id !== 'object' || id === null) throw new StoreError('invalid', 'the line has no id');
  const { counter, peerId } = id as Record<string, unknown>;
  const place = { tree: parseTreeId(treeId), peer: parsePeerId(peerId), counter: parseCounter(counter) };
  if (codec === 'opaque') return { ...place, body: bytesOf(json.body) };
  if (json.transient === true) return 'transient';
  const op = { id: { counter: place.counter, peerId: place.peer }, targetId: json.targetId };
  if (Object.hasOwn(json, 'parentId')) return encodeOp(place.tree, { ...op, parentId: json.parentId } as RepTreeOp);
  if (!Object.hasOwn(json, 'key')) throw new StoreError('invalid', 'the line is neither a move nor a property');
  return encodeOp(place.tree, { ...op, key: json.key, value: json.value, transient: false } as RepTreeOp);
}

/** The line that `recordOfLine` reads back, without its line break. Throws: corrupt. */
export function lineOfRecord(codec: CodecName, record: OpRecord): string {
  if (codec === 'reptree-1') return JSON.stringify({ treeId: record.tree, ...storedOp(record) });
  const { tree, peer, counter, body } = record;
  return JSON.stringify({ treeId: tree, id: { counter, peerId: peer }, body: Buffer.from(body).toString('base64') });
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new StoreError('invalid', 'the line is not JSON', { cause });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new StoreError('invalid', 'the line is not an object');
  return json as Readonly<Record<string, unknown>>;
}

function bytesOf(body: unknown): Uint8Array {
  if (typeof body !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(body)) throw new StoreError('invalid', 'body is base64 text');
  return new Uint8Array(Buffer.from(body, 'base64'));
}
