import {
  type Cursor,
  encodeCursor,
  type OpRecord,
  parsePeerId,
  parseTreeId,
  parseUserId,
  parseWorkspaceId,
  type StoreErrorCode,
  statusOfCode,
} from '@spacestore/core';
import type { ClientMessage, OpsBlock, PagedRecord, PageMessage, ServerMessage } from '@spacestore/core/sync';
import fc from 'fast-check';

const idChars = [...'ABCXYZabcxyz0189_-'];
const name = fc.string({ unit: fc.constantFrom(...idChars), minLength: 1, maxLength: 40 });
const counter = fc.oneof(fc.nat(1000), fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER));
const small = fc.nat(100_000);
const hex16 = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 16, maxLength: 16 });
export const cursor: fc.Arbitrary<Cursor> = fc
  .record({ incarnation: hex16, position: fc.oneof(small, fc.maxSafeNat()), chain: hex16 })
  .map(encodeCursor);
const words = fc.string({ unit: 'grapheme', maxLength: 30 });
const json = fc
  .jsonValue({ maxDepth: 3 })
  .filter((value) => !/"(__proto__|constructor|prototype)"/.test(JSON.stringify(value)))
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown);

/** Records as an app makes them (few trees and peers, counters that mostly rise) and as nobody would. */
export const records: fc.Arbitrary<readonly OpRecord[]> = fc
  .tuple(fc.array(name, { minLength: 1, maxLength: 3 }), fc.array(name, { minLength: 1, maxLength: 3 }))
  .chain(([trees, peers]) =>
    fc.array(
      fc.record({
        tree: fc.constantFrom(...trees).map(parseTreeId),
        peer: fc.constantFrom(...peers).map(parsePeerId),
        counter,
        body: fc.oneof(
          fc.uint8Array({ maxLength: 20 }),
          fc.nat(200).map((length) => new Uint8Array(length).fill(65)),
        ),
      }),
      { maxLength: 30 },
    ),
  );

const recordId = fc.record({ tree: name.map(parseTreeId), peer: name.map(parsePeerId), counter });
const codes = Object.keys(statusOfCode) as StoreErrorCode[];
const code = fc.constantFrom(...codes);
const workspace = name.map((text) => parseWorkspaceId(`w${text.toLowerCase()}`));
const either = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> => fc.option(arbitrary, { nil: null });
const kind = <const Kind extends string>(value: Kind): fc.Arbitrary<Kind> => fc.constant(value);

const bothWays = [
  fc.record({ kind: kind('ping') }),
  fc.record({ kind: kind('pong') }),
  fc.record({
    kind: kind('bye'),
    code: fc.constantFrom<StoreErrorCode | 'going_away' | 'too_slow'>(...codes, 'going_away', 'too_slow'),
    reason: words,
    reconnectAfterMs: either(small),
  }),
] as const;

export const clientMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  ...bothWays,
  fc.record({
    kind: kind('hello'),
    versions: fc.array(fc.nat(9), { maxLength: 4 }),
    token: words,
    client: name,
    compress: fc.array(fc.constantFrom<'zstd' | 'deflate'>('zstd', 'deflate'), { maxLength: 2 }),
  }),
  fc.record({ kind: kind('auth'), token: words }),
  fc.record({
    kind: kind('join'),
    request: small,
    workspace,
    peers: fc.array(name.map(parsePeerId), { maxLength: 5 }),
    wish: fc.constantFrom<'write' | 'read'>('write', 'read'),
    results: fc.boolean(),
  }),
  fc.record({ kind: kind('leave'), ws: small }),
  fc.record({
    kind: kind('sub'),
    ws: small,
    sub: small,
    trees: either(fc.array(name.map(parseTreeId), { maxLength: 5 })),
    cursor: either(cursor),
  }),
  fc.record({ kind: kind('unsub'), ws: small, sub: small }),
  fc.record({ kind: kind('pull'), ws: small, sub: small, after: either(cursor), through: either(cursor), times: fc.boolean() }),
  fc.record({ kind: kind('presence-up'), ws: small, key: name, value: json }),
  fc.record({ kind: kind('ops-up'), ws: small, batch: small, records, block: fc.constant(new Uint8Array(0)) }),
);

const blocks: fc.Arbitrary<readonly OpsBlock[]> = fc.array(fc.record({ firstPosition: fc.nat(1_000_000), records }), { maxLength: 4 });

export const pagedRecords: fc.Arbitrary<readonly PagedRecord[]> = fc
  .tuple(records, fc.boolean(), fc.array(fc.nat(1000), { minLength: 30, maxLength: 30 }))
  .map(([all, times, steps]) => {
    let position = 0;
    return all.map((record, i): PagedRecord => {
      position += 1 + (steps[i] as number);
      return { ...record, position, ...(times && { receivedAt: 1_700_000_000_000 + position }) };
    });
  });

export const page: fc.Arbitrary<PageMessage> = fc.record({
  kind: kind('page'),
  ws: small,
  sub: small,
  records: pagedRecords,
  next: either(cursor),
  through: either(cursor),
});

export const serverMessage: fc.Arbitrary<ServerMessage> = fc.oneof(
  ...bothWays,
  fc.record({
    kind: kind('welcome'),
    version: fc.constant(1 as const),
    connection: name,
    user: name.map(parseUserId),
    limits: fc.record({
      maxFrameBytes: small,
      maxCallRecords: small,
      maxBodyBytes: small,
      maxCounterJump: small,
      maxPeers: small,
      presenceKeys: small,
      presenceBytes: small,
      heartbeatMs: small,
      pageBytes: small,
    }),
    compress: either(fc.constantFrom<'zstd' | 'deflate'>('zstd', 'deflate')),
    serverTime: fc.maxSafeNat(),
  }),
  fc.record({
    kind: kind('joined'),
    request: small,
    workspace,
    ws: small,
    role: fc.constantFrom<'owner' | 'viewer'>('owner', 'viewer'),
    codec: fc.constantFrom<'reptree-1' | 'opaque'>('reptree-1', 'opaque'),
    relay: fc.boolean(),
    taken: fc.array(name.map(parsePeerId), { maxLength: 3 }),
    head: either(
      fc.record({
        incarnation: hex16,
        lineage: fc.array(fc.record({ incarnation: hex16, forkedAt: cursor }), { maxLength: 3 }),
        cursor,
        position: small,
        records: small,
        maxCounter: fc.oneof(fc.constant(-1), small),
      }),
    ),
  }),
  fc.record({
    kind: kind('refused'),
    of: fc.constantFrom<'join' | 'sub' | 'pull'>('join', 'sub', 'pull'),
    request: small,
    ws: either(small),
    code,
    message: words,
    context: fc.constant({ ids: [1, 2], head: 'x' }),
  }),
  fc.record({ kind: kind('left'), ws: small, code, message: words }),
  fc.record({ kind: kind('lag'), ws: small, sub: small }),
  page,
  fc.record({ kind: kind('ops-down'), ws: small, cursor, blocks }),
  fc.record(
    {
      kind: kind('ack'),
      ws: small,
      batch: small,
      cursor: either(cursor),
      results: fc.array(fc.record({ added: small, committedAt: small, through: either(cursor) }), { maxLength: 3 }),
    },
    { requiredKeys: ['kind', 'ws', 'batch', 'cursor'] },
  ),
  fc.record({ kind: kind('nack'), ws: small, batch: small, code, message: words, ids: fc.array(recordId, { maxLength: 5 }) }),
  fc.record({
    kind: kind('presence-down'),
    ws: small,
    entries: fc.array(fc.record({ client: name, user: name.map(parseUserId), key: name, value: json }), { maxLength: 4 }),
    left: fc.array(name, { maxLength: 3 }),
  }),
);
