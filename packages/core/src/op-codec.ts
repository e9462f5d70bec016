import type { BlobKey } from './blob-key.ts';
import { canonicalJson, parseCanonical } from './canonical-json.ts';
import type { CodecName } from './contracts/directory.ts';
import type { OpRecord } from './contracts/op-store.ts';
import { StoreError } from './errors.ts';
import { parseCounter, parsePeerId, parseTreeId, type TreeId } from './ids.ts';
import { isPlainBody } from './plain-body.ts';

/** The id of an operation, as RepTree 0.9 has it: counters are Lamport clocks, shared by the peers of a tree. */
export interface RepTreeOpId {
  readonly counter: number;
  readonly peerId: string;
}

/** A vertex goes under a parent; under `0` it is deleted. RepTree knows a move by its key `parentId`, so a property must not have it. */
export interface RepTreeMove {
  readonly id: RepTreeOpId;
  readonly targetId: string;
  readonly parentId: string | null;
}

/** A vertex has a value under a key; `undefined` deletes it. A transient one is shown to others and never stored. */
export interface RepTreeProperty {
  readonly id: RepTreeOpId;
  readonly targetId: string;
  readonly key: string;
  readonly value?: unknown;
  readonly transient?: boolean;
}

export type RepTreeOp = RepTreeMove | RepTreeProperty;

/** What the bytes of a workspace mean, as far as a server looks at them. */
export interface Codec {
  readonly name: CodecName;
  /** Throws: invalid (context.at names the part), unless the codec can have made these bytes. */
  readonly validateBody: (body: Uint8Array) => void;
  /** Which of these files a body refers to, and perhaps some it does not; undefined, if bodies of this codec tell nothing of it. */
  readonly mentionedFiles: ((body: Uint8Array, wanted: Pick<ReadonlySet<BlobKey>, 'has'>) => ReadonlySet<BlobKey>) | undefined;
}

export const codecs: Readonly<Record<CodecName, Codec>> = {
  'reptree-1': { name: 'reptree-1', validateBody, mentionedFiles },
  opaque: { name: 'opaque', validateBody: () => undefined, mentionedFiles: undefined },
};

type Body =
  | readonly [kind: 'm', target: string, parent: string | null]
  | readonly [kind: 'p', target: string, key: string, value: unknown]
  | readonly [kind: 'p', target: string, key: string];

/** The record of an operation; its body is canonical JSON of `["m",target,parent|null]`, `["p",target,key,value]`, or `["p",target,key]` for a deletion.
 *  Law: `decodeOp` of it is the operation (−0 as 0), and equal operations have equal bytes. Vertex ids have the grammar of tree ids, since a tree has the id of
 *  its root. A property key is any string but `__proto__`, which RepTree's objects of properties can't hold; only the store's `maxBodyBytes` bounds it.
 *  Throws: invalid for everything that would not come back as it was: a transient operation, values that JSON can't hold, further keys. */
export function encodeOp(tree: TreeId, op: RepTreeOp): OpRecord {
  const { counter, peerId, body } = readOp(op);
  return {
    tree: parseTreeId(tree),
    peer: parsePeerId(peerId),
    counter: parseCounter(counter) + 0,
    body: utf8.encode(canonicalJson(body)),
  };
}

/** The operation of a record, made of fresh objects; a deletion has the value `undefined`. Throws: invalid, for a body that `encodeOp` does not make. */
export function decodeOp(record: OpRecord): RepTreeMove | Required<RepTreeProperty> {
  const body = parseBody(record.body);
  const id = { counter: record.counter, peerId: record.peer };
  if (body[0] === 'm') return { id, targetId: body[1], parentId: body[2] };
  return { id, targetId: body[1], key: body[2], value: body[3], transient: false };
}

/** Throws: invalid, unless the bytes are a body of `reptree-1`. A plain body costs 0.07 µs, any other about 0.9 (85 bytes each). */
export function validateBody(body: Uint8Array): void {
  if (!isPlainBody(body)) parseBody(body);
}

/** Those of the wanted files that a body names, anywhere in it and in any case: 64 hex digits are a hash, 32 with or without dashes a mutable file. An
 *  application's reference is `{ name, mimeType, size, hash | id }` by custom, but nothing holds it to that, and a text may name files too. What is taken
 *  for a reference and is none keeps a file; what is overlooked would lose one. */
export function mentionedFiles(body: Uint8Array, wanted: Pick<ReadonlySet<BlobKey>, 'has'>): ReadonlySet<BlobKey> {
  const found = new Set<BlobKey>();
  const look = (kind: string, digits: string, length: number): void => {
    for (let at = 0; at + length <= digits.length; at++) {
      const key = `${kind}/${digits.slice(at, at + length)}` as BlobKey;
      if (wanted.has(key)) found.add(key);
    }
  };
  // Bytes as they are: hex digits are never escaped, and no byte of another character is one.
  for (const [run] of latin1.decode(body).matchAll(hexRuns)) {
    const digits = run.replaceAll('-', '').toLowerCase();
    look('static', digits, 64);
    look('var', digits, 32);
  }
  return found;
}

const latin1 = new TextDecoder('latin1');
const hexRuns = /[0-9a-f](?:-?[0-9a-f]){31,}/gi;

const utf8 = new TextEncoder();
const moveKeys: ReadonlySet<PropertyKey> = new Set(['id', 'targetId', 'parentId']);
const propertyKeys: ReadonlySet<PropertyKey> = new Set(['id', 'targetId', 'key', 'value', 'transient']);
const idKeys: ReadonlySet<PropertyKey> = new Set(['counter', 'peerId']);

function readOp(op: unknown): { readonly counter: unknown; readonly peerId: unknown; readonly body: Body } {
  const isMove = isObject(op) && 'parentId' in op;
  const { id, targetId, parentId, key, value, transient } = fieldsOf('operation', op, isMove ? moveKeys : propertyKeys);
  const { counter, peerId } = fieldsOf('id', id, idKeys);
  if (transient !== undefined && transient !== false) throw refusal('transient', 'a transient operation is not stored');
  const target = parseVertex('target', targetId);
  if (isMove) return { counter, peerId, body: ['m', target, parseParent(parentId)] };
  const name = parseKey(key);
  return { counter, peerId, body: value === undefined ? ['p', target, name] : ['p', target, name, value] };
}

/** An object's own fields, each read once. Throws: invalid if it has others: they would be lost. */
function fieldsOf(at: string, value: unknown, known: ReadonlySet<PropertyKey>): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw refusal(at, `the ${at} is no object`);
  const fields = { ...value };
  for (const key of Reflect.ownKeys(fields))
    if (!known.has(key)) throw refusal(at, `the ${at} has a further key ${String(key).slice(0, 64)}`);
  return fields;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseBody(bytes: Uint8Array): Body {
  const value = parseCanonical(bytes);
  if (!Array.isArray(value)) throw refusal('body', 'a body is a JSON array');
  const [kind, target, third, fourth] = value as readonly unknown[];
  if (kind === 'm' && value.length === 3) return ['m', parseVertex('target', target), parseParent(third)];
  if (kind === 'p' && value.length === 4) return ['p', parseVertex('target', target), parseKey(third), fourth];
  if (kind === 'p' && value.length === 3) return ['p', parseVertex('target', target), parseKey(third)];
  throw refusal('body', 'a body is ["m",target,parent], ["p",target,key,value] or ["p",target,key]');
}

const vertexPattern = /^[A-Za-z0-9_-]{1,128}$/;
const forbidden: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

function parseVertex(at: 'target' | 'parent', value: unknown): string {
  if (typeof value === 'string' && vertexPattern.test(value) && !forbidden.has(value)) return value;
  throw refusal(at, `the ${at} must match ${vertexPattern.source} and not be a forbidden name`);
}

function parseParent(value: unknown): string | null {
  return value === null ? null : parseVertex('parent', value);
}

function parseKey(value: unknown): string {
  if (typeof value === 'string' && value !== '__proto__') return value;
  throw refusal('key', 'the key must be a string other than __proto__');
}

function refusal(at: string, message: string): StoreError {
  return new StoreError('invalid', message, { context: { at } });
}
