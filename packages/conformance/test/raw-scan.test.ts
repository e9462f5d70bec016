import { inspect } from 'node:util';
import { deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { canaryOf } from '../src/gen/secret-store.ts';
import { findLeaks } from '../src/world/raw-scan.ts';

const bytes = Buffer.from(canaryOf(7, 1));
const words = Buffer.from('pässword "17" of the\nking of Rome \\');
const around = (middle: string | Uint8Array): Buffer =>
  Buffer.concat([Buffer.from('some record: '), Buffer.from(middle as string), Buffer.from(' and more')]);
const base64 = (value: Buffer, shift: number): string =>
  Buffer.concat([Buffer.alloc(shift, 0x61), value, Buffer.from('tail')]).toString('base64');

const disguises: Readonly<Record<string, (value: Buffer) => Uint8Array>> = {
  'as it is': (value) => around(value),
  'as UTF-16, little end first': (value) => around(Buffer.from(value.toString(), 'utf16le')),
  'as UTF-16, big end first': (value) => around(Buffer.from(value.toString(), 'utf16le').swap16()),
  'in hex': (value) => around(value.toString('hex')),
  'in upper-case hex with blanks': (value) => around((value.toString('hex').toUpperCase().match(/../g) ?? []).join(' ')),
  'in base64 at 0': (value) => around(base64(value, 0)),
  'in base64 at 1': (value) => around(base64(value, 1)),
  'in base64 at 2': (value) => around(base64(value, 2)),
  'in base64url': (value) => around(value.toString('base64url')),
  reversed: (value) => around(Buffer.from(value).reverse()),
  'in a JSON text': (value) => around(JSON.stringify({ value: value.toString() })),
  'in a JSON list': (value) => around(JSON.stringify([...value])),
  'as a printed buffer': (value) => around(inspect({ value }, { maxArrayLength: null })),
  'as printed bytes': (value) => around(inspect({ value: new Uint8Array(value) }, { maxArrayLength: null })),
  'in gzip': (value) => around(gzipSync(around(value))),
  'in zlib': (value) => around(deflateSync(around(value))),
  'in raw deflate': (value) => deflateRawSync(around(value)),
  'in zstd': (value) => zstdCompressSync(around(value)),
  'in base64 in gzip': (value) => around(gzipSync(around(value.toString('base64')))),
};
const textOnly = new Set(['as UTF-16, little end first', 'as UTF-16, big end first', 'in a JSON text']);

describe('the search for planted values', () => {
  it.each(Object.keys(disguises))('finds them %s', (name) => {
    for (const [label, value] of [['words', words] as const, ['bytes', bytes] as const].slice(0, textOnly.has(name) ? 1 : 2)) {
      const trail = { where: 'a file', bytes: disguises[name]?.(value) as Uint8Array };
      expect(
        findLeaks([trail], new Map([[label, value]])).map((leak) => leak.canary),
        label,
      ).toContain(label);
    }
  });

  it('finds nothing where nothing was planted, and prints no value it finds', () => {
    const trails = Object.values(disguises).map((disguise) => ({ where: 'a file', bytes: disguise(words) }));
    expect(findLeaks(trails, new Map([['other', Buffer.from(canaryOf(8, 1))]]))).toEqual([]);
    expect(JSON.stringify(findLeaks(trails, new Map([['words', words]])))).not.toContain('king');
  });
});
