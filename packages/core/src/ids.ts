import { StoreError } from './errors.ts';

declare const brand: unique symbol;
/** A plain value that was parsed once, at the edge, and needs no second look. */
export type Brand<Value, Name extends string> = Value & { readonly [brand]: Name };

/** `[a-z0-9][a-z0-9_-]{0,63}`: lower case only, because file systems fold case. */
export type WorkspaceId = Brand<string, 'WorkspaceId'>;
/** `[A-Za-z0-9_-]{1,128}`. */
export type TreeId = Brand<string, 'TreeId'>;
/** `[A-Za-z0-9_-]{1,128}`. */
export type PeerId = Brand<string, 'PeerId'>;
/** `[A-Za-z0-9_-]{1,128}`. */
export type SecretName = Brand<string, 'SecretName'>;
/** Who acts, as the verified token says: 1 to 128 printable ASCII characters without blanks. */
export type UserId = Brand<string, 'UserId'>;

const workspacePattern = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const namePattern = /^[A-Za-z0-9_-]{1,128}$/;
const userPattern = /^[\x21-\x7e]{1,128}$/;
/** Names that would reach the prototype of an ordinary object. */
const forbidden: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

function parse<Id extends string>(kind: string, pattern: RegExp, value: unknown): Id {
  if (typeof value === 'string' && pattern.test(value) && !forbidden.has(value)) return value as Id;
  throw new StoreError('invalid', `${kind} must match ${pattern.source} and not be a forbidden name`, {
    context: { kind, given: describe(value) },
  });
}

/** Enough of a refused value to find it, never enough to leak a long one. */
function describe(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 64)) : typeof value;
}

/** Throws: invalid. */
export function parseWorkspaceId(value: unknown): WorkspaceId {
  return parse('workspace id', workspacePattern, value);
}
/** Throws: invalid. */
export function parseTreeId(value: unknown): TreeId {
  return parse('tree id', namePattern, value);
}
/** Throws: invalid. */
export function parsePeerId(value: unknown): PeerId {
  return parse('peer id', namePattern, value);
}
/** Throws: invalid. */
export function parseSecretName(value: unknown): SecretName {
  return parse('secret name', namePattern, value);
}
/** Throws: invalid. */
export function parseUserId(value: unknown): UserId {
  return parse('user id', userPattern, value);
}

/** Throws: invalid. A counter is an integer from 0 to 2^53 − 1. */
export function parseCounter(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new StoreError('invalid', 'counter must be an integer from 0 to 2^53 - 1', { context: { given: String(value).slice(0, 64) } });
}

/** The order of ids everywhere: byte by byte (ASCII, so code units are bytes). */
export function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
