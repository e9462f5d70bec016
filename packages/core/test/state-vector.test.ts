import {
  type CounterRange,
  checkStateVector,
  containsCounter,
  countRanges,
  encodeStateVector,
  equalVectors,
  isEmptyVector,
  type PeerId,
  parsePeerId,
  parseStateVector,
  parseTreeId,
  type StateVector,
  StoreError,
  stateVectorBuilder,
  subtractVectors,
  type TreeId,
  unionVectors,
  vectorOf,
} from '@spacestore/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const seed = 20260731;
const limits = { maxPeers: 100, maxRanges: 100_000 };

/** The naive model: a set of `tree/peer/counter`. */
type Model = ReadonlySet<string>;

const idOf = fc.record({
  tree: fc.constantFrom('t1', 't2').map(parseTreeId),
  peer: fc.constantFrom('a', 'a1', '1', '01').map(parsePeerId),
  counter: fc.oneof(fc.nat(12), fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER)),
});
const ids = fc.array(idOf, { maxLength: 40, size: 'max' });

function modelOf(list: readonly { readonly tree: string; readonly peer: string; readonly counter: number }[]): Model {
  return new Set(list.map(({ tree, peer, counter }) => `${tree}/${peer}/${counter}`));
}

const minus = (a: Model, b: Model): Model => new Set([...a].filter((id) => !b.has(id)));

/** Reads a vector back by brute force and checks its shape on the way. */
function modelOfVector(vector: StateVector): Model {
  const found = new Set<string>();
  expect([...vector.keys()]).toEqual([...vector.keys()].sort());
  for (const [tree, peers] of vector) {
    expect(peers.size).toBeGreaterThan(0);
    expect([...peers.keys()]).toEqual([...peers.keys()].sort());
    for (const [peer, ranges] of peers) {
      expect(ranges.length).toBeGreaterThan(0);
      ranges.forEach(([first, last], i) => {
        expect(first).toBeLessThanOrEqual(last);
        if (i > 0) expect(first).toBeGreaterThan((ranges[i - 1] as CounterRange)[1] + 1);
        for (let counter = first; counter <= last; counter++) found.add(`${tree}/${peer}/${counter}`);
      });
    }
  }
  return found;
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof StoreError) return error.code;
    throw error;
  }
  return 'no error';
}

const tree = parseTreeId('t');
const peer = parsePeerId('p');
const single = (counters: readonly number[]): StateVector => vectorOf(counters.map((counter) => ({ tree, peer, counter })));

describe('state vectors', () => {
  test('hold exactly the records they were made of, in maximal sorted ranges', () => {
    fc.assert(
      fc.property(ids, (list) => {
        expect(modelOfVector(vectorOf(list))).toEqual(modelOf(list));
      }),
      { seed },
    );
  });

  test('union, difference, membership and equality agree with sets', () => {
    fc.assert(
      fc.property(ids, ids, (listA, listB) => {
        const [a, b] = [vectorOf(listA), vectorOf(listB)];
        const [inA, inB] = [modelOf(listA), modelOf(listB)];
        expect(modelOfVector(unionVectors(a, b))).toEqual(new Set([...inA, ...inB]));
        expect(modelOfVector(subtractVectors(a, b))).toEqual(minus(inA, inB));
        for (const id of [...listA, ...listB])
          expect(containsCounter(a, id.tree, id.peer, id.counter)).toBe(inA.has(`${id.tree}/${id.peer}/${id.counter}`));
        expect(isEmptyVector(subtractVectors(a, b))).toBe(minus(inA, inB).size === 0);
        expect(equalVectors(a, b)).toBe(minus(inA, inB).size + minus(inB, inA).size === 0);
        expect(equalVectors(a, unionVectors(a, a))).toBe(true);
      }),
      { seed },
    );
  });

  test('leave their arguments as they were', () => {
    const [a, b] = [single([1, 3, 5]), single([3, 4])];
    unionVectors(a, b);
    subtractVectors(a, b);
    expect(encodeStateVector(a)).toEqual({ t: { p: [[1, 1], [3, 3], [5, 5]] } }); // biome-ignore format: one line reads as one vector
    expect(encodeStateVector(b)).toEqual({ t: { p: [[3, 4]] } });
  });

  test('take 16,000 single ranges of a peer, in any order, without quadratic work', () => {
    const counters = Array.from({ length: 16_000 }, (_, i) => i * 2);
    const even = single([...counters].reverse());
    const odd = single(counters.map((counter) => counter + 1));
    expect(countRanges(even)).toBe(16_000);
    expect(encodeStateVector(unionVectors(even, odd))).toEqual({ t: { p: [[0, 31_999]] } });
    expect(equalVectors(subtractVectors(unionVectors(even, odd), odd), even)).toBe(true);
    expect(isEmptyVector(subtractVectors(even, unionVectors(even, odd)))).toBe(true);
  });

  test('a builder counts what was added twice once', () => {
    const builder = stateVectorBuilder();
    builder.addRange(tree, peer, 4, 6);
    builder.addRange(tree, peer, 2, 4);
    builder.addCounter(tree, peer, 7);
    builder.addCounter(tree, peer, 7);
    expect(encodeStateVector(builder.build())).toEqual({ t: { p: [[2, 7]] } });
  });
});

describe('state vectors in JSON', () => {
  test('come back as they were written', () => {
    fc.assert(
      fc.property(ids, (list) => {
        const vector = vectorOf(list);
        expect(equalVectors(parseStateVector(JSON.parse(JSON.stringify(encodeStateVector(vector))), limits), vector)).toBe(true);
      }),
      { seed },
    );
  });

  test('are normalised: unsorted, overlapping and touching ranges are merged, empty peers and trees left out', () => {
    const json = { t: { p: [[7, 9], [1, 2], [3, 3], [8, 12]], q: [] }, u: {} }; // biome-ignore format: one line reads as one vector
    expect(encodeStateVector(parseStateVector(json, limits))).toEqual({ t: { p: [[1, 3], [7, 12]] } }); // biome-ignore format: as above
  });

  test.each([
    ['no object', null],
    ['a list', []],
    ['a list of trees', { t: [] }],
    ['ranges that are no list', { t: { p: { 0: [1, 2], length: 1 } } }],
    ['a range of three', { t: { p: [[1, 2, 3]] } }],
    ['a reversed range', { t: { p: [[2, 1]] } }],
    ['a fraction', { t: { p: [[0.5, 1]] } }],
    ['a negative counter', { t: { p: [[-1, 1]] } }],
    ['a counter beyond 2^53 - 1', { t: { p: [[0, 2 ** 53]] } }],
    ['a counter that is no number', { t: { p: [['0', 1]] } }],
    ['NaN', { t: { p: [[Number.NaN, 1]] } }],
    ['a tree that reaches the prototype', JSON.parse('{"__proto__":{"p":[[0,1]]}}')],
    ['a peer that reaches the prototype', JSON.parse('{"t":{"__proto__":[[0,1]]}}')],
    ['a forbidden peer', { t: { constructor: [[0, 1]] } }],
    ['a tree outside the grammar', { 'a/b': { p: [[0, 1]] } }],
    ['a peer outside the grammar', { t: { '': [[0, 1]] } }],
  ])('refuse %s as invalid', (_, json) => {
    expect(codeOf(() => parseStateVector(json, limits))).toBe('invalid');
    expect(Object.hasOwn(Object.prototype, 'p')).toBe(false);
  });

  test('are held to their limits at the limit and one beyond', () => {
    const json = { t: { p: [[0, 0], [1, 1]], q: [[5, 5]] } }; // biome-ignore format: one line reads as one vector
    expect(countRanges(parseStateVector(json, { maxPeers: 2, maxRanges: 3 }))).toBe(2);
    expect(codeOf(() => parseStateVector(json, { maxPeers: 1, maxRanges: 3 }))).toBe('too_large');
    expect(codeOf(() => parseStateVector(json, { maxPeers: 2, maxRanges: 2 }))).toBe('too_large');
  });

  test('handed in as a Map they are copied and normalised', () => {
    const ranges: [number, number][] = [[5, 6], [1, 4]]; // biome-ignore format: one line reads as one list
    const given = new Map([[tree, new Map([[peer, ranges]])]]);
    const checked = checkStateVector(given);
    ranges.push([100, 200]);
    expect(encodeStateVector(checked)).toEqual({ t: { p: [[1, 6]] } });
    expect(codeOf(() => checkStateVector({ t: { p: [[1, 4]] } }))).toBe('invalid');
    expect(codeOf(() => checkStateVector(new Map([['T/1' as TreeId, new Map([['p' as PeerId, []]])]])))).toBe('invalid');
  });
});
