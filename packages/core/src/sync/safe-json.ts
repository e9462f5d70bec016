import { StoreError } from '../errors.ts';

/** Deeper than this a value is refused: whoever walks it later must not run out of stack. */
const maxDepth = 64;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The JSON value these bytes spell. Throws: invalid, also for names that would reach a prototype and for deep nesting. */
export function parseJson(bytes: Uint8Array): unknown {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch (cause) {
    throw new StoreError('invalid', 'malformed message: not JSON', { cause });
  }
  checkNames(value);
  return value;
}

export function printJson(value: unknown, before: number): Uint8Array {
  const text = JSON.stringify(value);
  const bytes = encoder.encode(text);
  const frame = new Uint8Array(bytes.length + 1);
  frame[0] = before;
  frame.set(bytes, 1);
  return frame;
}

function checkNames(root: unknown): void {
  const open: { readonly value: object; readonly depth: number }[] = [];
  const enter = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null) return;
    if (depth > maxDepth) throw new StoreError('invalid', 'malformed message: nested too deeply');
    open.push({ value, depth });
  };
  enter(root, 1);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (Array.isArray(value)) for (const item of value) enter(item, depth + 1);
    else
      for (const [name, item] of Object.entries(value)) {
        if (name === '__proto__' || name === 'constructor' || name === 'prototype')
          throw new StoreError('invalid', 'malformed message: a forbidden name');
        enter(item, depth + 1);
      }
  }
}
