import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { isStoreError, type OpRecord, parsePeerId, parseTreeId } from '@spacestore/core';
import {
  type ClientMessage,
  decodeClientMessage,
  decodeServerMessage,
  encodeBlocks,
  encodeClientMessage,
  encodePage,
  encodeRecordBlock,
  encodeServerMessage,
  type FrameLimits,
  type Inflate,
  idCache,
} from '@spacestore/core/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientMessage, cursor, page, records, serverMessage } from './wire-arbitraries.ts';

const seed = 20_240_611;
const limits: FrameLimits = { maxFrameBytes: 1 << 20, maxRecords: 1000 };
const inflate: Inflate = async (how, bytes, maxOutputLength) => {
  if (how !== 'deflate') throw new Error('not here');
  return inflateRawSync(bytes, { maxOutputLength });
};
const deflate = async (_how: string, bytes: Uint8Array): Promise<Uint8Array> => deflateRawSync(bytes, { level: 1 });
/** As plain bytes, so that a view and a whole array compare. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_key, item: unknown) => (item instanceof Uint8Array ? [...item] : item)));
const withoutBlock = (message: ClientMessage): unknown => plain(message.kind === 'ops-up' ? { ...message, block: null } : message);

/** Decoding must end in a message or a refusal, whatever the bytes. */
async function outcome(decode: () => unknown): Promise<'message' | 'refused'> {
  try {
    await decode();
    return 'message';
  } catch (error) {
    if (!isStoreError(error) || (error.code !== 'invalid' && error.code !== 'too_large')) throw error;
    return 'refused';
  }
}

/** Changes a few bytes, cuts or lengthens. Places in thousandths of the frame. */
const place = fc.noBias(fc.nat(999));
const mutation = fc.record({
  edits: fc.array(fc.record({ at: place, byte: fc.noBias(fc.nat(255)) }), { minLength: 1, maxLength: 3 }),
  cut: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, place),
  tail: fc.oneof({ weight: 4, arbitrary: fc.constant(new Uint8Array(0)) }, fc.uint8Array({ maxLength: 8 })),
});

function mutated(
  frame: Uint8Array,
  { edits, cut, tail }: { edits: readonly { at: number; byte: number }[]; cut: number | null; tail: Uint8Array },
): Uint8Array {
  const bytes = new Uint8Array([...frame.subarray(0, cut === null ? frame.length : Math.floor((cut * frame.length) / 1000)), ...tail]);
  for (const { at, byte } of edits) if (bytes.length > 0) bytes[Math.floor((at * bytes.length) / 1000)] = byte;
  return bytes;
}

const opsUp = (all: readonly OpRecord[]): ClientMessage => ({ kind: 'ops-up', ws: 1, batch: 1, records: all, block: new Uint8Array(0) });
const record = (body: number[] = [1]): OpRecord => ({
  tree: parseTreeId('t'),
  peer: parsePeerId('p'),
  counter: 1,
  body: new Uint8Array(body),
});

describe('frames', () => {
  it('carry every message of a client unchanged', () => {
    fc.assert(
      fc.property(clientMessage, (message) => {
        const decoded = decodeClientMessage(encodeClientMessage(message), limits);
        expect(withoutBlock(decoded)).toEqual(withoutBlock(message));
      }),
      { seed, numRuns: 300 },
    );
  });

  it('carry every message of a server unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(serverMessage, async (message) => {
        expect(plain(await decodeServerMessage(encodeServerMessage(message), limits, inflate))).toEqual(plain(message));
      }),
      { seed, numRuns: 300 },
    );
  });

  it('carry a compressed page unchanged', async () => {
    const sizes: number[] = [];
    await fc.assert(
      fc.asyncProperty(page, async (message) => {
        const frame = await encodePage(message, 'deflate', deflate);
        sizes.push(frame.length - encodeServerMessage(message).length);
        expect(plain(await decodeServerMessage(frame, limits, inflate))).toEqual(plain(message));
      }),
      { seed, numRuns: 200 },
    );
    expect(Math.min(...sizes)).toBeLessThan(0); // some were indeed compressed
    expect(Math.max(...sizes)).toBe(0); // none grew
  });

  it('carry an author’s block to readers byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(records, cursor, fc.nat(1_000_000), async (all, at, firstPosition) => {
        const sent = decodeClientMessage(encodeClientMessage(opsUp(all)), limits) as Extract<ClientMessage, { kind: 'ops-up' }>;
        const frame = encodeBlocks(7, at, [{ firstPosition, block: sent.block }]);
        const received = await decodeServerMessage(frame, limits, inflate);
        expect(plain(received)).toEqual(plain({ kind: 'ops-down', ws: 7, cursor: at, blocks: [{ firstPosition, records: all }] }));
      }),
      { seed, numRuns: 100 },
    );
  });

  it('spend a few bytes on a record beyond its body', () => {
    const run = Array.from({ length: 100 }, (_, i) => ({ ...record([1, 2, 3]), counter: 5000 + i }));
    expect(encodeRecordBlock(run).length).toBeLessThan(100 * (3 + 2) + 20);
  });
});

describe('hostile frames', () => {
  it('of a client are messages or refusals after any change of bytes', async () => {
    const seen = { message: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(clientMessage, mutation, async (message, change) => {
        const frame = mutated(encodeClientMessage(message), change);
        seen[await outcome(() => decodeClientMessage(frame, limits))]++;
      }),
      { seed, numRuns: 1500 },
    );
    expect(seen.message).toBeGreaterThan(20);
    expect(seen.refused).toBeGreaterThan(500);
  });

  it('of a server are messages or refusals after any change of bytes', async () => {
    const seen = { message: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(serverMessage, mutation, async (message, change) => {
        const frame = mutated(encodeServerMessage(message), change);
        seen[await outcome(() => decodeServerMessage(frame, limits, inflate))]++;
      }),
      { seed, numRuns: 1000 },
    );
    expect(seen.message).toBeGreaterThan(20);
    expect(seen.refused).toBeGreaterThan(300);
  });

  it('of random bytes are refused', async () => {
    const kinds = fc.constantFrom(0x01, 0x05, 0x08, 0x09, 0x20, 0x46, 0x47, 0x48);
    await fc.assert(
      fc.asyncProperty(kinds, fc.uint8Array({ maxLength: 300 }), async (kind, rest) => {
        const frame = new Uint8Array([kind, ...rest]);
        await outcome(() => decodeClientMessage(frame, limits));
        await outcome(() => decodeServerMessage(frame, limits, inflate));
      }),
      { seed, numRuns: 1000 },
    );
  });

  it('that keep to their layout decode to what encodes to the same', () => {
    let again = 0;
    fc.assert(
      fc.property(records, mutation, (all, change) => {
        const frame = mutated(encodeClientMessage(opsUp(all)), { ...change, cut: null, tail: new Uint8Array(0) });
        let message: ClientMessage;
        try {
          message = decodeClientMessage(frame, limits);
        } catch (error) {
          if (isStoreError(error)) return;
          throw error;
        }
        if (message.kind !== 'ops-up') return;
        again++;
        const twice = decodeClientMessage(encodeClientMessage({ ...message, block: new Uint8Array(0) }), limits);
        expect(withoutBlock(twice)).toEqual(withoutBlock(message));
      }),
      { seed, numRuns: 1000 },
    );
    expect(again).toBeGreaterThan(50);
  });

  const refused = (frame: Uint8Array): unknown => {
    try {
      return decodeClientMessage(frame, limits);
    } catch (error) {
      return isStoreError(error) ? { code: error.code, ...error.context } : error;
    }
  };
  const control = (kind: number, text: string): Uint8Array => new Uint8Array([kind, ...new TextEncoder().encode(text)]);

  it.each([
    ['an empty frame', new Uint8Array(0)],
    ['a kind nobody knows', control(0x7f, '{}')],
    ['a kind that only servers send', control(0x48, '{"ws":1,"batch":1,"cursor":null}')],
    ['text that is not JSON', control(0x04, '{"ws":')],
    ['bytes that are not UTF-8', new Uint8Array([0x04, 0x22, 0xff, 0x22])],
    ['a list for an object', control(0x04, '[1]')],
    ['a missing field', control(0x04, '{}')],
    ['a fraction for a number', control(0x04, '{"ws":1.5}')],
    ['a field of a prototype', control(0x04, '{"__proto__":{"ws":1}}')],
    ['a prototype spelled with escapes', control(0x09, '{"ws":1,"key":"k","value":{"\\u005f_proto__":1}}')],
    ['a deep nest', control(0x09, `{"ws":1,"key":"k","value":${'['.repeat(70)}${']'.repeat(70)}}`)],
    ['a very deep nest', control(0x09, `{"ws":1,"key":"k","value":${'['.repeat(200_000)}${']'.repeat(200_000)}}`)],
    ['a forbidden id', control(0x05, '{"ws":1,"sub":1,"trees":["constructor"],"cursor":null}')],
    ['an id with a slash', control(0x03, '{"request":1,"workspace":"a/b","peers":[],"wish":"read"}')],
    ['a forged cursor', control(0x05, '{"ws":1,"sub":1,"trees":null,"cursor":"0.1.2"}')],
    ['a claim of 2^50 records', new Uint8Array([0x08, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02])],
    ['a number in a longer form than needed', new Uint8Array([0x08, 0x81, 0x00, 1, 0, 0, 0, 0])],
    ['a number beyond 2^53', new Uint8Array([0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ['bytes after the last body', new Uint8Array([...encodeClientMessage(opsUp([record()])), 0])],
    ['a forbidden name in a dictionary', encodeClientMessage(opsUp([{ ...record(), tree: '__proto__' as never }]))],
    ['a name with a slash in a dictionary', encodeClientMessage(opsUp([{ ...record(), peer: '../p' as never }]))],
  ])('with %s are refused', (_what, frame) => {
    expect(refused(frame)).toMatchObject({ code: expect.stringMatching(/^(invalid|too_large)$/) });
  });

  it('ignore fields they do not know', () => {
    expect(decodeClientMessage(control(0x04, '{"ws":3,"later":true}'), limits)).toEqual({ kind: 'leave', ws: 3 });
  });

  it('larger than allowed are too large', () => {
    expect(refused(new Uint8Array(limits.maxFrameBytes + 1).fill(8))).toMatchObject({ code: 'too_large' });
  });

  it('with too many records tell which batch they are, so that it can be refused alone', () => {
    const many = Array.from({ length: 1001 }, () => record([]));
    expect(refused(encodeClientMessage({ ...opsUp(many), ws: 5, batch: 9 } as ClientMessage))).toMatchObject({
      code: 'too_large',
      ws: 5,
      batch: 9,
    });
  });

  it('that unfold to more than they may are given up early', async () => {
    const bomb = deflateRawSync(new Uint8Array(50_000_000));
    const start = [0x46, 1, 1, 2, 0, 0];
    const claims = (size: number[]): Uint8Array => new Uint8Array([...start, ...size, ...bomb]);
    const decode = (frame: Uint8Array): unknown => decodeServerMessage(frame, limits, inflate);
    await expect(decode(claims([0x80, 0x80, 0x80, 0x18]))).rejects.toMatchObject({ code: 'too_large' });
    await expect(decode(claims([0x80, 0x20]))).rejects.toMatchObject({ code: 'invalid' });
  });

  it('name the same ids whatever was decoded before, also where names share a hash', () => {
    const ids = idCache();
    // Both pairs collide in 32-bit FNV-1a.
    for (const tree of ['costarring', 'liquid', 'declinate', 'macallums', 'liquid', 'costarring', 'x'.repeat(127), 'x'.repeat(128)]) {
      const sent = { ...record(), tree: parseTreeId(tree) };
      const message = decodeClientMessage(encodeClientMessage(opsUp([sent])), limits, ids) as Extract<ClientMessage, { kind: 'ops-up' }>;
      expect(message.records).toEqual([sent]);
    }
  });
});

it('a decoded body is a view into its frame, not a copy', () => {
  const frame = encodeClientMessage(opsUp([record([9, 9])]));
  const message = decodeClientMessage(frame, limits) as Extract<ClientMessage, { kind: 'ops-up' }>;
  expect(message.records[0]?.body.buffer).toBe(frame.buffer);
});
