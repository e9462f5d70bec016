import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { codecs, decodeOp, encodeOp, type OpRecord, parsePeerId, parseTreeId, type RepTreeOp, StoreError } from '@spacestore/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const seed = 20260801;
const tree = parseTreeId('t');
const { validateBody } = codecs['reptree-1'];
const textOf = (record: OpRecord): string => new TextDecoder().decode(record.body);
const recordOf = (text: string): OpRecord => ({ tree, peer: parsePeerId('p'), counter: 1, body: new TextEncoder().encode(text) });
const id = { counter: 3, peerId: 'peer-1' };
const move = { id, targetId: 'v', parentId: 'w' };
const property = { id, targetId: 'v', key: 'name', value: 'x', transient: false };

function errorOf(run: () => unknown): StoreError {
  try {
    run();
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

const anyString = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom('\ud800', 'a\0b', '__proto__', '"', '\\', '\u007f', '~', ' '),
);
const anyKey = anyString.filter((key) => key !== '__proto__');
const anyId = fc
  .oneof(fc.stringMatching(/^[A-Za-z0-9_-]{1,14}$/), fc.uuid())
  .filter((text) => !['__proto__', 'constructor', 'prototype'].includes(text));
const anyOp: fc.Arbitrary<RepTreeOp> = fc
  .record({
    id: fc.record({ counter: fc.nat(Number.MAX_SAFE_INTEGER), peerId: anyId }, { noNullPrototype: true }),
    targetId: anyId,
    rest: fc.oneof(
      fc.option(anyId).map((parentId) => ({ parentId })),
      fc
        .tuple(anyKey, fc.oneof(anyString, fc.jsonValue(), fc.constant(undefined)))
        .map(([key, value]) => ({ key, value, transient: false })),
    ),
  })
  .map(({ id: opId, targetId, rest }) => ({ id: opId, targetId, ...rest }));

describe('the codec reptree-1', () => {
  test('brings back every operation as RepTree makes it, of fresh objects', () => {
    fc.assert(
      fc.property(anyOp, (op) => {
        const record = encodeOp(tree, op);
        validateBody(record.body);
        const back = decodeOp(record);
        expect(back).toStrictEqual(withoutNegativeZero(op));
        expect(Object.keys(back)).toEqual(Object.keys(op));
        expect([back === op, back.id === op.id, decodeOp(record) === back]).toEqual([false, false, false]);
        expect(encodeOp(tree, back)).toStrictEqual(record);
      }),
      { seed, numRuns: 1000 },
    );
  });

  test('writes short canonical JSON', () => {
    const value = { b: [-0, 1e21], a: null };
    expect(textOf(encodeOp(tree, move))).toBe('["m","v","w"]');
    expect(textOf(encodeOp(tree, { ...move, parentId: null }))).toBe('["m","v",null]');
    expect(textOf(encodeOp(tree, { ...property, value }))).toBe('["p","v","name",{"a":null,"b":[0,1e+21]}]');
    expect(textOf(encodeOp(tree, { ...property, value: undefined }))).toBe('["p","v","name"]');
    expect(textOf(encodeOp(tree, { ...property, value: null }))).toBe('["p","v","name",null]');
  });

  test('takes a property whose value or transient vanished in JSON', () => {
    const { value: _, transient: __, ...rest } = property;
    expect(textOf(encodeOp(tree, rest as never))).toBe('["p","v","name"]');
  });

  test('a decoded deletion has the value undefined and no parentId', () => {
    const back = decodeOp(encodeOp(tree, { ...property, value: undefined }));
    expect(back).toStrictEqual({ id, targetId: 'v', key: 'name', value: undefined, transient: false });
    expect('parentId' in back).toBe(false);
  });

  test.each([
    ['no operation', null],
    ['a list', []],
    ['a transient property', { ...property, transient: true }],
    ['a transient that is no boolean', { ...property, transient: 0 }],
    ['both a move and a property', { ...property, parentId: null }],
    ['a property that carries parentId as undefined', { ...property, parentId: undefined }],
    ['a further key', { ...move, treeId: 't' }],
    ['a further symbol key', { ...move, [Symbol('x')]: 1 }],
    ['a further key in the id', { ...move, id: { ...id, more: 1 } }],
    ['no id', { targetId: 'v', parentId: null }],
    ['an id that is a string', { ...move, id: '3@peer-1' }],
    ['a counter that is a string', { ...move, id: { ...id, counter: '3' } }],
    ['a counter of NaN', { ...move, id: { ...id, counter: Number.NaN } }],
    ['a counter of 2^53', { ...move, id: { ...id, counter: 2 ** 53 } }],
    ['a negative counter', { ...move, id: { ...id, counter: -1 } }],
    ['a forbidden peer', { ...move, id: { ...id, peerId: '__proto__' } }],
    ['a peer outside the grammar', { ...move, id: { ...id, peerId: 'a b' } }],
    ['no target', { id, parentId: null }],
    ['an empty target', { ...move, targetId: '' }],
    ['a target outside the grammar', { ...property, targetId: 'a"b' }],
    ['a target of 129 characters', { ...move, targetId: 'x'.repeat(129) }],
    ['a forbidden target', { ...move, targetId: 'constructor' }],
    ['a forbidden parent', { ...move, parentId: '__proto__' }],
    ['a parent that is a number', { ...move, parentId: 0 }],
    ['a parent that is undefined', { ...move, parentId: undefined }],
    ['no key', { id, targetId: 'v', value: 1 }],
    ['a key that is a number', { ...property, key: 1 }],
    ['the key __proto__', { ...property, key: '__proto__' }],
    ['NaN', { ...property, value: Number.NaN }],
    ['an infinity deep inside', { ...property, value: [{ a: Number.POSITIVE_INFINITY }] }],
    ['undefined in a list', { ...property, value: [undefined] }],
    ['undefined in an object', { ...property, value: { a: undefined } }],
    ['a hole', { ...property, value: Array(1) }],
    ['a function', { ...property, value: () => 1 }],
    ['a bigint', { ...property, value: 1n }],
    ['a symbol', { ...property, value: Symbol('x') }],
    ['a Date', { ...property, value: new Date(0) }],
  ])('refuses %s', (_, op) => {
    expect(errorOf(() => encodeOp(tree, op as RepTreeOp)).code).toBe('invalid');
  });

  test('refuses a tree outside the grammar', () => {
    expect(errorOf(() => encodeOp('a/b' as never, move)).code).toBe('invalid');
  });

  test('takes bodies of 64 levels, its own list included, and refuses 65', () => {
    const nested = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown;
    validateBody(encodeOp(tree, { ...property, value: nested(63) }).body);
    expect(errorOf(() => encodeOp(tree, { ...property, value: nested(64) })).code).toBe('invalid');
    expect(errorOf(() => validateBody(recordOf(`["p","v","k",${'['.repeat(64)}${']'.repeat(64)}]`).body)).code).toBe('invalid');
  });
});

describe('validateBody', () => {
  const sound = ['["m","v","w"]', '["m","0",null]', '["p","v",""]', '["p","v","k"]', '["p","v","k",""]', '["p","v","a [] {} : , k","~ v"]', '["p","v","k",null]', '["p","v","k",[1,{"a":2}]]', '["p","v","ä\\n","\\ud800\u{1f600}"]', `["m","${'x'.repeat(128)}","${'y'.repeat(9)}"]`, `["m","${'x'.repeat(11)}",null]`, '["p","__proto_","__proto_","__proto__"]',
    '["p","v","123456789"]']; // biome-ignore format: a pool of bodies
  const unsound = ['', '[]', 'null', '{}', '"m"', '["m"]', '["m","v"]', '["m","v","w",1]', '["m","v","w"] ', ' ["m","v","w"]', '["m","v", "w"]', '["m","v",nul]', '["m","v",true]', '["m","v",nulL]', '["m","v",null', '["m","v","w"', '["m","v","w"]]', '["m","","w"]', '["m","v",""]', '["m","v w","w"]', '["m","v","w\\u0041"]', '["m","__proto__","w"]', '["m","v","__proto__"]', '["m","v","prototype"]', '["p","constructor","k"]',
    '["p","v","__proto__","x"]',
    '["p","v","__proto__"]', `["m","${'x'.repeat(129)}",null]`, `["m","v","${'x'.repeat(129)}"]`, '["p","v"]', '["p","v",1]', '["p","v",null]', '["p","v","k",]', '["p","v","k",1,2]', '["p","v","k","a","b"]', '["p","v","k",1.0]', '["p","v","k",{"b":1,"a":1}]', '["p","v","k","\\u0041"]', '["p","v","k","\u0001"]', '["p","v","k"x]', '["p","v","k""a"]', '["x","v","k"]', '["P","v","k"]', '["mm","v","w"]', '["p,"v","k"]', '["p" ,"v","k"]']; // biome-ignore format: a pool of bodies

  test.each(sound)('takes %s', (text) => {
    validateBody(recordOf(text).body);
    expect(encodeOp(tree, decodeOp(recordOf(text))).body).toStrictEqual(recordOf(text).body);
  });

  test.each(unsound)('refuses %s, and so does decodeOp', (text) => {
    expect(errorOf(() => validateBody(recordOf(text).body)).code).toBe('invalid');
    expect(errorOf(() => decodeOp(recordOf(text))).code).toBe('invalid');
  });

  test('refuses and takes the same as the decoder for every body one byte away from a sound one', () => {
    const accepts = (run: () => unknown): boolean => {
      try {
        run();
        return true;
      } catch {
        return false;
      }
    };
    const near = fc.record({
      text: fc.constantFrom(...sound),
      at: fc.nat(),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(...new TextEncoder().encode('[]",\\mpnul09{} '))),
      cut: fc.nat(1),
    });
    let accepted = 0;
    fc.assert(
      fc.property(near, ({ text, at, byte, cut }) => {
        const bytes = [...recordOf(text).body];
        bytes.splice(at % (bytes.length + 1), cut, byte);
        const record = { ...recordOf(''), body: new Uint8Array(bytes) };
        const verdict = accepts(() => validateBody(record.body));
        accepted += Number(verdict);
        expect(verdict).toBe(accepts(() => decodeOp(record)));
        if (verdict) expect(encodeOp(tree, decodeOp(record)).body).toStrictEqual(record.body);
      }),
      { seed, numRuns: 3000 },
    );
    expect(accepted).toBeGreaterThan(300);
  });

  test('of the codec opaque takes any bytes', () => {
    for (const bytes of [[], [0], [255, 254], [0x5b]]) codecs.opaque.validateBody(new Uint8Array(bytes));
  });
});

test.each([
  ['fastify-history', 23_588],
  ['sila-chats', 1_708],
])('every operation of %s comes back as it is, and its body is canonical', (name, count) => {
  const file = new URL(`../../../examples/data/${name}.jsonl.gz`, import.meta.url);
  const lines = gunzipSync(readFileSync(file)).toString('utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(count);
  let differing = 0;
  for (const line of lines) {
    const { treeId, ...op } = JSON.parse(line) as RepTreeOp & { readonly treeId: string };
    const record = encodeOp(parseTreeId(treeId), op);
    validateBody(record.body);
    const back = decodeOp(record);
    if (JSON.stringify({ treeId: record.tree, ...back }) !== line) differing++;
    if (!Buffer.from(encodeOp(record.tree, back).body).equals(record.body)) differing++;
  }
  expect(differing).toBe(0);
});

function withoutNegativeZero(op: RepTreeOp): unknown {
  return 'parentId' in op || op.value === undefined ? op : { ...op, value: JSON.parse(JSON.stringify(op.value)) as unknown };
}
