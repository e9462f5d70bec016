import type { ReadQuery, VectorQuery } from './contracts/op-store.ts';
import { StoreError } from './errors.ts';
import { type PeerId, parseCounter, parsePeerId, parseTreeId, type TreeId } from './ids.ts';
import { type CursorParts, decodeCursor } from './log/cursor.ts';
import { type ListQuery, parseLimit } from './paging.ts';
import { checkStateVector } from './parse-state-vector.ts';

export interface CheckedReadQuery {
  /** A copy with sorted trees and a normalised vector: `next` is made of it. */
  readonly query: ReadQuery;
  readonly after?: CursorParts;
  readonly through?: CursorParts;
}

/** Throws: invalid. */
export function checkReadQuery(given: ReadQuery): CheckedReadQuery {
  const { after, through, trees, missing, receivedFrom, receivedBefore, limit, limitBytes } = objectOf(given);
  return {
    query: {
      ...(after === undefined ? {} : { after }),
      ...(through === undefined ? {} : { through }),
      ...(trees === undefined ? {} : { trees: parseTrees(trees) }),
      ...(missing === undefined ? {} : { missing: checkStateVector(missing) }),
      ...(receivedFrom === undefined ? {} : { receivedFrom: parseTime('receivedFrom', receivedFrom) }),
      ...(receivedBefore === undefined ? {} : { receivedBefore: parseTime('receivedBefore', receivedBefore) }),
      ...(limitBytes === undefined ? {} : { limitBytes: parseLimitBytes(limitBytes) }),
      limit: parseLimit(limit),
    },
    ...(after === undefined ? {} : { after: decodeCursor(after) }),
    ...(through === undefined ? {} : { through: decodeCursor(through) }),
  };
}

/** The last range of a page of a vector. */
export interface VectorPlace {
  readonly tree: TreeId;
  readonly peer: PeerId;
  /** The last counter of the range. */
  readonly counter: number;
}

export interface CheckedVectorQuery {
  /** A copy with sorted trees: `next` is made of it. */
  readonly query: VectorQuery;
  readonly through?: CursorParts;
  readonly after?: VectorPlace;
}

/** Throws: invalid. */
export function checkVectorQuery(given: VectorQuery): CheckedVectorQuery {
  const { trees, through, after, limit } = objectOf(given);
  return {
    query: {
      ...(trees === undefined ? {} : { trees: parseTrees(trees) }),
      ...(through === undefined ? {} : { through }),
      ...(after === undefined ? {} : { after }),
      limit: parseLimit(limit),
    },
    ...(through === undefined ? {} : { through: decodeCursor(through) }),
    ...(after === undefined ? {} : { after: decodeVectorPlace(after) }),
  };
}

export function encodeVectorPlace({ tree, peer, counter }: VectorPlace): string {
  return `${tree}/${peer}/${counter}`;
}

function decodeVectorPlace(text: unknown): VectorPlace {
  const [tree, peer, digits, ...more] = typeof text === 'string' ? text.split('/') : [];
  if (digits === undefined || more.length > 0 || !/^(0|[1-9][0-9]{0,15})$/.test(digits)) {
    throw new StoreError('invalid', 'not a place in a vector of this store');
  }
  return { tree: parseTreeId(tree), peer: parsePeerId(peer), counter: parseCounter(Number(digits)) };
}

/** A copy of a listing's query; the place is parsed as one of the ids it lists. Throws: invalid. */
export function checkListQuery<Id extends string>(
  given: ListQuery,
  parseId: (value: unknown) => Id,
): { readonly after?: Id; readonly limit: number } {
  const { after, limit } = objectOf(given);
  return { ...(after === undefined ? {} : { after: parseId(after) }), limit: parseLimit(limit) };
}

function parseTrees(trees: unknown): readonly TreeId[] {
  if (!Array.isArray(trees)) throw new StoreError('invalid', 'trees must be a list');
  return [...new Set(Array.from(trees as readonly unknown[], parseTreeId))].sort();
}

function parseTime(name: string, value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number;
  throw new StoreError('invalid', `${name} must be whole milliseconds`, { context: { given: String(value).slice(0, 64) } });
}

function parseLimitBytes(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new StoreError('invalid', 'limitBytes must be an integer from 0', { context: { given: String(value).slice(0, 64) } });
}

function objectOf<Value extends object>(value: Value): Value {
  if (typeof value === 'object' && value !== null) return value;
  throw new StoreError('invalid', 'a query is an object');
}
