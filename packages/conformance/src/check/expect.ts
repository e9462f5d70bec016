import { hasCode, isStoreError, type StoreError, type StoreErrorCode } from '@spacestore/core';
import { LawBroken } from './broken.ts';

/** Throws unless the condition holds. */
export function holds(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new LawBroken(otherwise);
}

/** Throws unless both are the same, compared as JSON where they are no primitives. */
export function same(actual: unknown, expected: unknown, what: string): void {
  if (Object.is(actual, expected)) return;
  const [got, want] = [show(actual), show(expected)];
  if (got !== want) throw new LawBroken(`${what}: expected ${want}, got ${got}`);
}

/** Resolves with the error if the call was refused with one of these codes; throws if it succeeded or failed otherwise. */
export async function refused(call: Promise<unknown>, what: string, ...codes: readonly StoreErrorCode[]): Promise<StoreError> {
  const outcome = await settle(call);
  if (outcome.ok)
    throw new LawBroken(`${what}: expected to be refused as ${codes.join(' or ')}, but it succeeded with ${show(outcome.value)}`);
  if (hasCode(outcome.error, ...codes)) return outcome.error;
  throw new LawBroken(
    `${what}: expected to be refused as ${codes.join(' or ')}, but it failed with ${nameOf(outcome.error)}`,
    [],
    outcome.error,
  );
}

export type Outcome<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: unknown };

/** What became of a call, without throwing. A store that throws before it returns a promise is caught as well, when called inside `settle(() => …)`. */
export async function settle<Value>(call: Promise<Value> | (() => Promise<Value>)): Promise<Outcome<Value>> {
  try {
    return { ok: true, value: await (typeof call === 'function' ? call() : call) };
  } catch (error) {
    return { ok: false, error };
  }
}

/** An error in a few words. */
export function nameOf(error: unknown): string {
  if (isStoreError(error)) return `${error.code} (${error.message})`;
  return error instanceof Error ? `${error.name}: ${error.message}` : show(error);
}

/** A value in one short line: maps, sets, bytes and big numbers as well. */
export function show(value: unknown): string {
  // A Buffer turns itself into JSON before a replacer sees it.
  const text =
    JSON.stringify(Buffer.isBuffer(value) ? Uint8Array.from(value) : value, (_key, inner: unknown) => {
      if (inner instanceof Uint8Array)
        return `<${Buffer.from(inner.subarray(0, 16)).toString('hex')}${inner.length > 16 ? '…' : ''} ${inner.length} B>`;
      if (inner instanceof Map) return Object.fromEntries(inner);
      if (inner instanceof Set) return [...inner];
      if (typeof inner === 'bigint') return `${inner}n`;
      if (typeof inner === 'number' && (!Number.isFinite(inner) || Object.is(inner, -0)))
        return Object.is(inner, -0) ? '-0' : String(inner);
      return inner;
    }) ?? String(value);
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
}
