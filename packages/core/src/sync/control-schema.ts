import { type StoreErrorCode, statusOfCode } from '../errors.ts';
import { parsePeerId, parseTreeId, parseUserId, parseWorkspaceId } from '../ids.ts';
import { parseCursor } from '../log/cursor.ts';
import type { ClientMessage, Compression, ServerMessage } from './messages.ts';
import { type Check, fields, json, jsonObject, list, natural, nullable, oneOf, optional, refuseField, text, yesNo } from './schema.ts';

type Body<Message> = Message extends unknown ? Omit<Message, 'kind'> : never;
type Bodies<Message extends { readonly kind: string }, Kind extends Message['kind']> = {
  readonly [K in Kind]: Check<Body<Extract<Message, { readonly kind: K }>>>;
};

/** Kinds whose payload is not JSON. */
export type BinaryKind = 'ops-up' | 'ops-down' | 'page';

/** A frame bounds a list anyway; these bound what is made of it. */
const maxNames = 65_536;
const maxToken = 16_384;

const code = oneOf(Object.keys(statusOfCode) as StoreErrorCode[]);
const message = text(4096);
const cursor = nullable(parseCursor);
const compression = oneOf<Compression>(['zstd', 'deflate']);
const role = oneOf(['owner', 'admin', 'editor', 'viewer', 'backup']);
const recordId = fields({ tree: parseTreeId, peer: parsePeerId, counter: natural });
const incarnation: Check<string> = (value, field) => {
  if (typeof value !== 'string' || !/^[0-9a-f]{16}$/.test(value)) throw refuseField(field, '16 hex digits');
  return value;
};
const version1: Check<1> = (value, field) => {
  if (value !== 1) throw refuseField(field, '1');
  return 1;
};

const batchResults = list(fields({ added: natural, committedAt: natural, through: cursor }), maxNames);
const ackFields = fields({
  ws: natural,
  batch: natural,
  cursor,
  results: (value, field) => (value === undefined ? undefined : batchResults(value, field)),
});

const bothWays = {
  ping: fields({}),
  pong: fields({}),
  bye: fields({
    code: oneOf([...(Object.keys(statusOfCode) as StoreErrorCode[]), 'going_away', 'too_slow'] as const),
    reason: message,
    reconnectAfterMs: nullable(natural),
  }),
};

export const clientSchemas: Bodies<ClientMessage, Exclude<ClientMessage['kind'], BinaryKind>> = {
  ...bothWays,
  hello: fields({
    versions: list(natural, 16),
    token: text(maxToken),
    client: text(128),
    // A newer client may know more ways: those unknown here are passed over.
    compress: (value, field) =>
      list(text(16), 16)(value, field).filter((name): name is Compression => name === 'zstd' || name === 'deflate'),
  }),
  auth: fields({ token: text(maxToken) }),
  join: fields({
    request: natural,
    workspace: parseWorkspaceId,
    peers: list(parsePeerId, maxNames),
    wish: oneOf(['write', 'read']),
    results: optional(yesNo, false),
  }),
  leave: fields({ ws: natural }),
  sub: fields({ ws: natural, sub: natural, trees: nullable(list(parseTreeId, maxNames)), cursor }),
  unsub: fields({ ws: natural, sub: natural }),
  pull: fields({ ws: natural, sub: natural, after: cursor, through: cursor, times: optional(yesNo, false) }),
  'presence-up': fields({ ws: natural, key: text(128), value: json }),
};

export const serverSchemas: Bodies<ServerMessage, Exclude<ServerMessage['kind'], BinaryKind>> = {
  ...bothWays,
  welcome: fields({
    version: version1,
    connection: text(128),
    user: parseUserId,
    limits: fields({
      maxFrameBytes: natural,
      maxCallRecords: natural,
      maxBodyBytes: natural,
      maxCounterJump: natural,
      maxPeers: natural,
      presenceKeys: natural,
      presenceBytes: natural,
      heartbeatMs: natural,
      pageBytes: natural,
    }),
    compress: nullable(compression),
    serverTime: natural,
  }),
  joined: fields({
    request: natural,
    workspace: parseWorkspaceId,
    ws: natural,
    role,
    codec: oneOf(['reptree-1', 'opaque']),
    relay: yesNo,
    taken: list(parsePeerId, maxNames),
    head: nullable(
      fields({
        incarnation,
        lineage: list(fields({ incarnation, forkedAt: parseCursor }), maxNames),
        cursor: parseCursor,
        position: natural,
        records: natural,
        maxCounter: (value, field) => (value === -1 ? -1 : natural(value, field)),
      }),
    ),
  }),
  refused: fields({
    of: oneOf(['join', 'sub', 'pull']),
    request: natural,
    ws: nullable(natural),
    code,
    message,
    context: jsonObject,
  }),
  left: fields({ ws: natural, code, message }),
  lag: fields({ ws: natural, sub: natural }),
  ack: (value, field) => {
    const { results, ...ack } = ackFields(value, field);
    return results === undefined ? ack : { ...ack, results };
  },
  nack: fields({ ws: natural, batch: natural, code, message, ids: list(recordId, maxNames) }),
  'presence-down': fields({
    ws: natural,
    entries: list(fields({ client: text(128), user: parseUserId, key: text(128), value: json }), maxNames),
    left: list(text(128), maxNames),
  }),
};
