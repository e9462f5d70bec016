import { StoreError } from '../errors.ts';
import type { ClientMessage, ServerMessage } from './messages.ts';

/** The first byte of a frame says what it is. A number is never given to another kind. */
export const clientKinds: Readonly<Record<ClientMessage['kind'], number>> = {
  hello: 0x01,
  auth: 0x02,
  join: 0x03,
  leave: 0x04,
  sub: 0x05,
  unsub: 0x06,
  pull: 0x07,
  'ops-up': 0x08,
  'presence-up': 0x09,
  ping: 0x20,
  pong: 0x21,
  bye: 0x22,
};

export const serverKinds: Readonly<Record<ServerMessage['kind'], number>> = {
  ping: 0x20,
  pong: 0x21,
  bye: 0x22,
  welcome: 0x41,
  joined: 0x42,
  refused: 0x43,
  left: 0x44,
  lag: 0x45,
  page: 0x46,
  'ops-down': 0x47,
  ack: 0x48,
  nack: 0x49,
  'presence-down': 0x4a,
};

/** What a decoder takes at most. */
export interface FrameLimits {
  /** Of a frame, and of what a compressed page becomes. */
  readonly maxFrameBytes: number;
  /** Records of one block. */
  readonly maxRecords: number;
}

const clientKindOf = kindsByByte(clientKinds);
const serverKindOf = kindsByByte(serverKinds);

function kindsByByte<Kind extends string>(kinds: Readonly<Record<Kind, number>>): readonly (Kind | undefined)[] {
  const table = Array.from({ length: 256 }, (): Kind | undefined => undefined);
  for (const [kind, byte] of Object.entries(kinds)) table[byte as number] = kind as Kind;
  return table;
}

/** Throws: too_large, invalid (no kind, or one that a client does not send). */
export function kindFromClient(frame: Uint8Array, limits: FrameLimits): ClientMessage['kind'] {
  return kindOf(frame, clientKindOf, limits);
}

/** Throws: too_large, invalid (no kind, or one that a server does not send). */
export function kindFromServer(frame: Uint8Array, limits: FrameLimits): ServerMessage['kind'] {
  return kindOf(frame, serverKindOf, limits);
}

function kindOf<Kind extends string>(frame: Uint8Array, kinds: readonly (Kind | undefined)[], limits: FrameLimits): Kind {
  if (frame.length > limits.maxFrameBytes)
    throw new StoreError('too_large', 'a frame is too large', { context: { bytes: frame.length, maxBytes: limits.maxFrameBytes } });
  const kind = frame.length === 0 ? undefined : kinds[frame[0] as number];
  if (kind !== undefined) return kind;
  throw new StoreError('invalid', 'unknown kind of frame', { context: { kind: frame[0] ?? null } });
}
