import { checkRecords, type OpRecord, type PeerId, StoreError, type TreeId } from '@spacestore/core';
import { describe, expect, test } from 'vitest';

const limits = { maxBodyBytes: 4, maxCallRecords: 3 };

function record(overrides: Readonly<Record<string, unknown>> = {}): OpRecord {
  return { tree: 't' as TreeId, peer: 'p' as PeerId, counter: 1, body: new Uint8Array([1, 2]), ...overrides } as OpRecord;
}

function errorOf(records: unknown, given = limits): StoreError {
  try {
    checkRecords(records as readonly OpRecord[], given);
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

const hostileIds = [
  '', ' a', 'a ', 'a\n', 'a\0', '\0', 'a/b', '../a', 'a:b', 'a*', '%', "'", '"; --', '\u{1f600}', '\ud800', 'é', 'ß', 'İ',
  'x'.repeat(129), '__proto__', 'constructor', 'prototype', 1, null, undefined, {}, ['t'], new String('t'),
]; // biome-ignore format: a pool of ids

describe('checkRecords', () => {
  test('refuses every id outside the grammar as invalid, also behind a sound one', () => {
    for (const id of hostileIds) {
      expect(errorOf([record(), record({ tree: id })]).code, `tree ${JSON.stringify(id)}`).toBe('invalid');
      expect(errorOf([record(), record({ peer: id })]).code, `peer ${JSON.stringify(id)}`).toBe('invalid');
    }
  });

  test('takes ids at both ends of the grammar as they are', () => {
    const ids = ['0', '-', '_', 'x'.repeat(128), 'toString', 'length', 'A', 'a', '01', '1e0'];
    for (const id of ids) {
      const [checked] = checkRecords([record({ tree: id, peer: id })], limits).records;
      expect([checked?.tree, checked?.peer]).toEqual([id, id]);
    }
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '1', 1n, null, undefined])('refuses the counter %s', (counter) => {
    expect(errorOf([record({ counter })]).code).toBe('invalid');
  });

  test('keeps 0, -0 and 2^53 - 1 as counters', () => {
    const counters = checkRecords(
      [0, -0, Number.MAX_SAFE_INTEGER].map((counter) => record({ counter })),
      limits,
    ).records.map((checked) => checked.counter);
    expect(counters).toStrictEqual([0, 0, Number.MAX_SAFE_INTEGER]);
  });

  test.each([
    ['text', 'ab'],
    ['a list', [1, 2]],
    ['an ArrayBuffer', new ArrayBuffer(2)],
    ['a DataView', new DataView(new ArrayBuffer(2))],
    ['another typed array', new Uint16Array(1)],
    ['a clamped array', new Uint8ClampedArray(1)],
    ['a proxy', new Proxy(new Uint8Array(2), {})],
    ['a look-alike', { [Symbol.toStringTag]: 'Uint8Array', length: 1, 0: 1 }],
    ['an heir without bytes', Object.create(Uint8Array.prototype)],
    ['nothing', undefined],
    ['null', null],
  ])('refuses %s as a body', (_, body) => {
    const error = errorOf([record({ body })]);
    expect([error.code, error.context]).toEqual(['invalid', { ids: [{ tree: 't', peer: 'p', counter: 1 }] }]);
  });

  test('refuses a body whose buffer was transferred away instead of storing an empty one', () => {
    const body = new Uint8Array([1, 2]);
    structuredClone(body, { transfer: [body.buffer] });
    expect(errorOf([record({ body })]).code).toBe('invalid');
  });

  test('refuses what is no list and no record', () => {
    for (const records of [undefined, null, 'records', { length: 1, 0: record() }, new Set([record()])])
      expect(errorOf(records).code).toBe('invalid');
    for (const item of [undefined, null, 1, 'x']) expect(errorOf([item]).code).toBe('invalid');
    expect(errorOf(Array(2)).code).toBe('invalid');
  });

  test('holds bodies and calls to their limits at the limit and one beyond', () => {
    expect(checkRecords([record({ body: new Uint8Array(4) }), record(), record()], limits).bytes).toBe(8);
    const body = errorOf([record(), record({ counter: 7, body: new Uint8Array(5) })]);
    expect([body.code, body.context]).toEqual([
      'too_large',
      { ids: [{ tree: 't', peer: 'p', counter: 7 }], sizeBytes: 5, maxBodyBytes: 4 },
    ]);
    const call = errorOf([record(), record(), record(), record()]);
    expect([call.code, call.context]).toEqual(['too_large', { records: 4, maxCallRecords: 3 }]);
  });

  test('an own length does not lie about a body', () => {
    const body = Object.defineProperty(new Uint8Array([1, 2, 3, 4, 5]), 'length', { value: 1 });
    expect(errorOf([record({ body })]).code).toBe('too_large');
    expect(checkRecords([record({ body }), record()], { ...limits, maxBodyBytes: 5 }).records.map((checked) => [...checked.body])).toEqual([
      [1, 2, 3, 4, 5],
      [1, 2],
    ]);
  });

  test('copies views by their view, and keeps nothing of the argument', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(6), 1, 2).fill(7);
    const bodies = [new Uint8Array([9, 1, 2, 9]).subarray(1, 3), Buffer.from('ab'), shared];
    const records = bodies.map((body, counter) => record({ counter, body }));
    const { records: checked } = checkRecords(records, limits);
    for (const body of bodies) body.fill(0);
    records.length = 0;
    expect(checked.map(({ body }) => [...body])).toEqual([[1, 2], [97, 98], [7, 7]]); // biome-ignore format: three bodies
    expect(checked.every(({ body }) => Object.getPrototypeOf(body) === Uint8Array.prototype)).toBe(true);
  });

  test('reads each field of the argument once', () => {
    const reads: string[] = [];
    const spy = new Proxy(record(), {
      get: (target, key) => {
        reads.push(String(key));
        return Reflect.get(target, key);
      },
    });
    const [checked] = checkRecords([spy], limits).records;
    expect(reads.sort()).toEqual(['body', 'counter', 'peer', 'tree']);
    expect(checked).toStrictEqual({ tree: 't', peer: 'p', counter: 1, body: new Uint8Array([1, 2]) });
  });

  test('an empty call is sound', () => {
    expect(checkRecords([], limits)).toEqual({ records: [], bytes: 0 });
  });
});
