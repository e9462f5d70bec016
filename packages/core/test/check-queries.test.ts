import {
  type Cursor,
  checkAppendOptions,
  checkListQuery,
  checkReadQuery,
  checkVectorQuery,
  encodeVectorPlace,
  type PeerId,
  parseTreeId,
  StoreError,
  type TreeId,
} from '@spacestore/core';
import { describe, expect, test } from 'vitest';

const cursor = `${'a'.repeat(16)}.7.${'b'.repeat(16)}` as Cursor;

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof StoreError) return error.code;
    throw error;
  }
  return 'no error';
}

describe('checkReadQuery', () => {
  test('copies the query, sorts the trees, drops what is undefined and decodes the cursors', () => {
    const missing = new Map([['t' as TreeId, new Map([['p' as PeerId, [[1, 1], [2, 3]] as [number, number][]]])]]); // biome-ignore format: one vector
    const given = { after: cursor, through: undefined, trees: ['b', 'a', 'b'] as TreeId[], missing, limit: 5, limitBytes: 0 };
    const { query, after, through } = checkReadQuery(given as never);
    expect(query).toStrictEqual({
      after: cursor,
      trees: ['a', 'b'],
      missing: new Map([['t', new Map([['p', [[1, 3]]]])]]),
      limit: 5,
      limitBytes: 0,
    });
    expect([after, through]).toEqual([{ incarnation: 'a'.repeat(16), position: 7, chain: 'b'.repeat(16) }, undefined]);
  });

  test.each([
    null,
    'all',
    {},
    { limit: 0 },
    { limit: 1.5 },
    { limit: 100_001 },
    { limit: '5' },
    { limit: 1, limitBytes: -1 },
    { limit: 1, limitBytes: Number.NaN },
    { limit: 1, after: '' },
    { limit: 1, after: 5 },
    { limit: 1, after: null },
    { limit: 1, through: `${cursor} ` },
    { limit: 1, through: cursor.replace('.7.', '.07.') },
    { limit: 1, through: cursor.replace('.7.', '.9999999999999999.') },
    { limit: 1, trees: 'a' },
    { limit: 1, trees: ['a', '__proto__'] },
    { limit: 1, trees: Array(2) },
    { limit: 1, missing: {} },
    { limit: 1, missing: new Map([['t', new Map([['p', [[2, 1]]]])]]) },
    { limit: 1, receivedFrom: Number.NaN },
    { limit: 1, receivedFrom: '2026-01-01' },
    { limit: 1, receivedBefore: 0.5 },
  ])('refuses %j', (query) => {
    expect(codeOf(() => checkReadQuery(query as never))).toBe('invalid');
  });
});

describe('checkVectorQuery', () => {
  test('decodes the place its pages hand out', () => {
    const place = { tree: 't' as TreeId, peer: 'p' as PeerId, counter: Number.MAX_SAFE_INTEGER };
    expect(checkVectorQuery({ after: encodeVectorPlace(place), limit: 1 }).after).toEqual(place);
  });

  test.each(['', 't', 't/p', 't/p/', 't/p/1/2', 't/p/01', 't/p/-1', 't/p/9999999999999999', 't/__proto__/1', '../p/1', 7, null])(
    'refuses %j as a place',
    (after) => {
      expect(codeOf(() => checkVectorQuery({ after, limit: 1 } as never))).toBe('invalid');
    },
  );
});

test('checkListQuery refuses a place that no id can have', () => {
  expect(checkListQuery({ after: 'a', limit: 2 }, parseTreeId)).toEqual({ after: 'a', limit: 2 });
  expect(codeOf(() => checkListQuery({ after: "a'", limit: 2 }, parseTreeId))).toBe('invalid');
  expect(codeOf(() => checkListQuery({ limit: 0 }, parseTreeId))).toBe('invalid');
});

describe('checkAppendOptions', () => {
  const all = { fence: true, via: true, receivedAt: true };

  test('copies what is set', () => {
    expect(checkAppendOptions(undefined, all)).toStrictEqual({});
    const options = { ifEpoch: 0, via: 'oidc|5', receivedAt: 5, more: 1 };
    expect(checkAppendOptions(options as never, all)).toStrictEqual({ ifEpoch: 0, via: 'oidc|5', receivedAt: 5 });
  });

  test.each([
    { ifEpoch: -1 },
    { ifEpoch: 0.5 },
    { ifEpoch: null },
    { via: '' },
    { via: 'a b' },
    { receivedAt: -1 },
    { receivedAt: Number.NaN },
  ])('refuses %j as invalid', (options) => {
    expect(codeOf(() => checkAppendOptions(options as never, all))).toBe('invalid');
  });

  test.each([
    [{ ifEpoch: 1 }, { ...all, fence: false }],
    [{ via: 'u' }, { ...all, via: false }],
    [{ receivedAt: 1 }, { ...all, receivedAt: false }],
  ])('refuses %j as unsupported where it is not claimed', (options, capabilities) => {
    expect(codeOf(() => checkAppendOptions(options as never, capabilities))).toBe('unsupported');
  });
});
