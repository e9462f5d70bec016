import { canonicalJson } from './canonical-json.ts';
import type { CodecName } from './contracts/directory.ts';
import type { OpRecord } from './contracts/op-store.ts';
import { StoreError } from './errors.ts';
import { parseCounter, parsePeerId, type TreeId } from './ids.ts';
import { isPlainBody } from './plain-body.ts';

/** A RepTree operation's id: a Lamport counter and who made it. */
export interface RepTreeOpId {
  readonly counter: number;
  readonly peerId: string;
}

/** Puts a vertex under a parent; null is the root's. RepTree knows a move by its key `parentId`. */
export interface RepTreeMove {
  readonly id: RepTreeOpId;
  readonly targetId: string;
  readonly parentId: string | null;
}

/** Sets a property of a vertex; `undefined` deletes it. It must not carry a key `parentId` at all. */
export interface RepTreeProperty {
  readonly id: RepTreeOpId;
  readonly targetId: string;
  readonly key: string;
  readonly value?: unknown;
  readonly transient?: boolean;
}

export type RepTreeOp = RepTreeMove | RepTreeProperty;

/** What the server asks of a body before it stores it. */
export interface Codec {
  readonly name: CodecName;
  /** Returns for a body of this codec in its one canonical form. Throws: invalid, naming the place. */
  readonly validate: (body: Uint8Array) => void;
}

const vertexPattern = /^[A-Za-z0-9_-]{1,128}$/;
const maxKeyLength = 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The record of an operation: its body is canonical JSON, `["m",target,parent]`, `["p",target,key,value]`, or `["p",target,key]` for a deletion.
 *  Law: equal operations give equal bytes; `decodeOp(encodeOp(op))` equals `op` for every JSON value.
 *  Throws: invalid, naming the place, for transients, bad ids and counters, and values JSON can't hold exactly.
 *  Source: RepTree 0.9.0; RFC 8785. */
export function encodeOp(tree: TreeId, op: RepTreeOp): OpRecord {
  const { counter, peerId } = op.id;
  return { tree, peer: parsePeerId(peerId), counter: parseCounter(counter), body: encoder.encode(textOf(op)) };
}

function textOf(op: RepTreeOp): string {
  const target = JSON.stringify(checkVertex(op.targetId, 'targetId'));
  if ('parentId' in op) {
    if ('key' in op) throw refusal('parentId', 'an operation is a move or a property, not both');
    return `["m",${target},${op.parentId === null ? 'null' : JSON.stringify(checkVertex(op.parentId, 'parentId'))}]`;
  }
  if (op.transient) throw refusal('transient', 'transient operations are presence and are never stored');
  const key = JSON.stringify(checkKey(op.key));
  return op.value === undefined ? `["p",${target},${key}]` : `["p",${target},${key},${valueText(op.value)}]`;
}

function valueText(value: unknown): string {
  try {
    return canonicalJson(value);
  } catch (error) {
    const place = error instanceof StoreError ? `value${String(error.context['place'] ?? '')}` : 'value';
    throw new StoreError('invalid', `property value: ${error instanceof Error ? error.message : 'no JSON form'}`, {
      context: { place },
      cause: error,
    });
  }
}

/** The operation of a record, as a fresh object of exact shape. Throws: invalid. */
export function decodeOp(record: OpRecord): RepTreeOp {
  const id = { counter: record.counter, peerId: record.peer };
  const fields = parseBody(record.body);
  const [kind, targetId] = fields as readonly [string, string];
  if (kind === 'm') return { id, targetId, parentId: fields[2] as string | null };
  return { id, targetId, key: fields[2] as string, value: fields[3], transient: false };
}

/** Returns for a body in the canonical form of `reptree-1`. Throws: invalid. */
export function validateBody(body: Uint8Array): void {
  if (!isPlainBody(body)) parseBody(body);
}

/** Strict UTF-8, parse, check, print, compare: whatever differs from its own canonical text is refused. */
function parseBody(body: Uint8Array): readonly unknown[] {
  let text: string;
  let fields: unknown;
  try {
    text = decoder.decode(body);
    fields = JSON.parse(text);
  } catch (cause) {
    throw new StoreError('invalid', 'body is not JSON in UTF-8', { context: { place: 'body' }, cause });
  }
  if (!Array.isArray(fields)) throw refusal('body', 'not an array');
  checkFields(fields);
  if (canonicalText(fields) !== text) throw refusal('body', 'not in canonical form');
  return fields;
}

function checkFields(fields: readonly unknown[]): void {
  const [kind, target, third] = fields;
  if (kind === 'm' && fields.length === 3) {
    checkVertex(target, 'targetId');
    if (third !== null) checkVertex(third, 'parentId');
  } else if (kind === 'p' && (fields.length === 3 || fields.length === 4)) {
    checkVertex(target, 'targetId');
    checkKey(third);
  } else throw refusal('body', 'neither ["m",target,parent] nor ["p",target,key,value]');
}

/** The depth bound is the value's, so the outer array is printed apart. */
function canonicalText(fields: readonly unknown[]): string {
  return `[${fields.map((field, n) => (n === 3 ? valueText(field) : JSON.stringify(field))).join(',')}]`;
}

function checkVertex(id: unknown, place: string): string {
  if (typeof id === 'string' && vertexPattern.test(id) && id !== '__proto__' && id !== 'constructor' && id !== 'prototype') return id;
  throw refusal(place, 'a vertex id is 1 to 128 letters, digits, _ and -');
}

function checkKey(key: unknown): string {
  if (typeof key === 'string' && key.length >= 1 && key.length <= maxKeyLength && key !== '__proto__') return key;
  throw refusal('key', `a property key is a string of 1 to ${maxKeyLength} code units other than __proto__`);
}

function refusal(place: string, why: string): StoreError {
  return new StoreError('invalid', `${place}: ${why}`, { context: { place } });
}

/** All codecs by the name a workspace carries. `opaque` takes any bytes. */
export const codecs: Readonly<Record<CodecName, Codec>> = {
  'reptree-1': { name: 'reptree-1', validate: validateBody },
  opaque: { name: 'opaque', validate: () => undefined },
};
