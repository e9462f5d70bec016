import { canonicalJson, maxJsonDepth, parseCanonical, StoreError } from '@spacestore/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const seed = 8785;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** JSON values with odd numbers, keys like `__proto__` and `10`, and strings of any UTF-16 code units. */
const anyString = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 6 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('__proto__', 'constructor', 'toJSON', '', '10', '9', '\0', '\ud800', '\udc00x', '\u2028', '\ufeff', '\u007f'),
);
const anyNumber = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 2 ** 53 - 1, -(2 ** 53), 0.1, 333333333.3333333, 1e20),
);
const anyJson = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, anyString, anyNumber, fc.boolean(), fc.constant(null), tie('list'), tie('object')),
  list: fc.array(tie('value'), { maxLength: 4 }),
  object: fc.array(fc.tuple(anyString, tie('value')), { maxLength: 4 }).map(objectOf),
})).value;

function objectOf(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of entries) Object.defineProperty(result, key, { value, enumerable: true, configurable: true, writable: true });
  return result;
}

/** The same value with the keys of every object in another order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return objectOf(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { a: value };
  return value;
}

function errorOf(run: () => unknown): StoreError {
  try {
    run();
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('canonicalJson', () => {
  test('is JSON of the same value, own keys and all', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const withoutNegativeZero = JSON.parse(JSON.stringify(value)) as unknown;
        expect(JSON.parse(canonicalJson(value))).toStrictEqual(withoutNegativeZero);
        expect(parseCanonical(encode(canonicalJson(value)))).toStrictEqual(withoutNegativeZero);
      }),
      { seed, numRuns: 500 },
    );
  });

  test('does not depend on the order of keys, and is its own fixed point', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
        expect(canonicalJson(JSON.parse(canonicalJson(value)))).toBe(canonicalJson(value));
      }),
      { seed, numRuns: 500 },
    );
  });

  test('prints the example of RFC 8785, section 3.2.2', () => {
    const value = {
      numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000f\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  test('sorts keys by UTF-16 code units, as section 3.2.3 shows', () => {
    const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\u{1f600}': 5, '\u0080': 6, '\u00f6': 7, '10': 8, '9': 9 };
    expect(canonicalJson(value)).toBe('{"\\r":2,"1":4,"10":8,"9":9,"\u0080":6,"ö":7,"€":1,"\u{1f600}":5,"\ufb33":3}');
  });

  test('writes -0 as 0 and lone surrogates as escapes', () => {
    expect(canonicalJson([-0, '\ud800', 'a\udfffb', '\ud83d\ude00'])).toBe('[0,"\\ud800","a\\udfffb","\u{1f600}"]');
  });

  test('keeps __proto__ as a key of its own', () => {
    const value = JSON.parse('{"__proto__":{"x":1},"a":[{"__proto__":null}]}') as unknown;
    expect(canonicalJson(value)).toBe('{"__proto__":{"x":1},"a":[{"__proto__":null}]}');
    const back = parseCanonical(encode(canonicalJson(value))) as object;
    expect(Object.keys(back)).toEqual(['__proto__', 'a']);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
  });

  test('takes values 64 levels deep and refuses 65', () => {
    expect(parseCanonical(encode(canonicalJson(nested(maxJsonDepth))))).toEqual(nested(maxJsonDepth));
    expect(errorOf(() => canonicalJson(nested(maxJsonDepth + 1))).code).toBe('invalid');
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(errorOf(() => canonicalJson(cycle)).code).toBe('invalid');
  });

  test('reads each member once', () => {
    let reads = 0;
    const value = {
      get a() {
        reads++;
        return reads;
      },
    };
    expect([canonicalJson(value), reads]).toEqual(['{"a":1}', 1]);
  });

  class Point {
    readonly x = 1;
  }
  test.each([
    ['undefined', undefined],
    ['NaN', Number.NaN],
    ['Infinity', Number.NEGATIVE_INFINITY],
    ['a bigint', 1n],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a Date', new Date(0)],
    ['a Map', new Map()],
    ['bytes', new Uint8Array(1)],
    ['a boxed string', Object('x')],
    ['an instance of a class', new Point()],
    ['an heir of a plain object', Object.create({ a: 1 })],
    ['a list with holes', Array(2)],
    ['a list with a further key', Object.assign([1], { more: 2 })],
    ['a symbol key', { [Symbol('x')]: 1 }],
    ['a hidden key', Object.defineProperty({}, 'a', { value: 1 })],
  ])('refuses %s at any depth and says where', (_, value) => {
    expect(errorOf(() => canonicalJson(value)).context).toEqual({ place: '' });
    expect(errorOf(() => canonicalJson(['x', { 'a/b~': value }])).context).toEqual({ place: '/1/a~1b~0' });
  });

  test('refuses a hole that a further key makes up for', () => {
    expect(errorOf(() => canonicalJson(Object.assign(Array(1), { more: 2 }))).code).toBe('invalid');
  });

  test('takes objects without a prototype', () => {
    expect(canonicalJson(Object.assign(Object.create(null), { a: 1 }))).toBe('{"a":1}');
  });
});

describe('parseCanonical', () => {
  test.each([
    '',
    ' ',
    '1 ',
    ' 1',
    '[1, 2]',
    '01',
    '1.0',
    '1e2',
    '1E+30',
    '-0',
    '1e400',
    'NaN',
    '+1',
    '{"b":1,"a":2}',
    '{"a":1,"a":1}',
    '{"9":1,"10":2}',
    '"\\u0041"',
    '"\\/"',
    '"\\u000a"',
    '"\\uD800"',
    '"\\ud83d\\ude00"',
    '"\u0001"',
    '\ufeff1',
    '[1,]',
    "'a'",
    '{a:1}',
    'undefined',
    '[1]]',
  ])('refuses %j', (text) => {
    // biome-ignore format: a pool of texts
    expect(errorOf(() => parseCanonical(encode(text))).code).toBe('invalid');
  });

  test('refuses bytes that are not UTF-8, and depth beyond 64 however deep', () => {
    for (const bytes of [[0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xc3], []]) // biome-ignore format: five strings
      expect(errorOf(() => parseCanonical(new Uint8Array(bytes))).code).toBe('invalid');
    for (const levels of [65, 1000, 200_000])
      expect(errorOf(() => parseCanonical(encode('['.repeat(levels) + ']'.repeat(levels)))).code).toBe('invalid');
  });

  test('says nothing of the text it refuses', () => {
    for (const text of ['{"secret', '["secret"', '{"secret":1e400}', '{"secret" :1}']) {
      const error = errorOf(() => parseCanonical(encode(text)));
      expect(`${error.message}${JSON.stringify(error.context)}${String(error.cause)}`).not.toContain('secret');
    }
  });
});
