const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Bodies that careless stores change: taken for text, for nothing, for numbers, for JSON, cut at NUL or at a size. */
export const hostileBodies: readonly Uint8Array[] = [
  text('x'),
  new Uint8Array(0),
  text('null'),
  text('""'),
  text('0'),
  text('-0'),
  text('undefined'),
  Uint8Array.of(0),
  text('a\0b'),
  text('\0'),
  text(' a '),
  text('a\r\nb\n'),
  Uint8Array.of(0xff, 0xfe, 0x00, 0x80, 0xc3, 0x28),
  Uint8Array.of(0xed, 0xa0, 0x80),
  Uint8Array.of(0xef, 0xbb, 0xbf, 0x61),
  text('é'),
  text('e\u0301'),
  text('["p","t","k",9007199254740993]'),
  text('{"b":1,"a":-0,"__proto__":{"x":1}}'),
  text('["m","t",null]'),
  text("'; DROP TABLE record; --"),
  text('1e400'),
  text('\\x00'),
  Uint8Array.from({ length: 256 }, (_, i) => i),
  text('ab'.repeat(2048)),
];

/** A body by number; the higher numbers carry the number itself, so that bodies differ. */
export function bodyOf(n: number): Uint8Array {
  const known = hostileBodies[n % (hostileBodies.length * 2)];
  return known === undefined ? text(`body ${n}`) : known.slice();
}

/** Another body than this one, near it: a byte changed, added or taken away. */
export function alteredBody(body: Uint8Array, how: number): Uint8Array {
  if (body.length === 0 || how % 4 === 0) return Uint8Array.from([...body, how % 256]);
  if (how % 4 === 1) return body.slice(0, -1);
  const other = body.slice();
  const at = how % body.length;
  other[at] = (body[at] as number) ^ (how % 4 === 2 ? 1 : 0x20);
  return other;
}
