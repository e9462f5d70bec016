import { hasCode, StoreError } from '../errors.ts';
import { type Cursor, maxCursorLength, parseCursor } from '../log/cursor.ts';
import { clientSchemas, serverSchemas } from './control-schema.ts';
import { pageFlags } from './encode.ts';
import { type FrameLimits, kindFromClient, kindFromServer } from './frame.ts';
import { type IdCache, idCache } from './id-cache.ts';
import type { ClientMessage, Compression, OpsBlock, OpsDown, OpsUp, PagedRecord, PageMessage, ServerMessage } from './messages.ts';
import { peekRecordCount, takePagedBlock, takeRecordBlock } from './record-block.ts';
import { parseJson } from './safe-json.ts';
import { type ByteSource, byteSource, takeAscii, takeByte, takeBytes, takeVarint } from './varint.ts';

/** Undoes `Compress`. Must give up, with any error, rather than make more than `maxBytes`. */
export type Inflate = (how: Compression, bytes: Uint8Array, maxBytes: number) => Promise<Uint8Array>;

/** What a client sent. Bodies are views into the frame: it must not change any more.
 *  Throws: invalid, too_large; nothing else. Of a batch that only has too many records, `context.ws` and `context.batch` are told. */
export function decodeClientMessage(frame: Uint8Array, limits: FrameLimits, ids: IdCache = idCache()): ClientMessage {
  const kind = kindFromClient(frame, limits);
  if (kind === 'ops-up') return decodeOpsUp(byteSource(frame, 1), limits, ids);
  return { kind, ...clientSchemas[kind](parseJson(frame.subarray(1)), 'the message') } as ClientMessage;
}

/** What a server sent; a promise for a compressed page alone, so that a reader who awaits it before the next frame keeps the order.
 *  Throws (or rejects): invalid, too_large; nothing else. */
export function decodeServerMessage(
  frame: Uint8Array,
  limits: FrameLimits,
  inflate: Inflate,
  ids: IdCache = idCache(),
): ServerMessage | Promise<PageMessage> {
  const kind = kindFromServer(frame, limits);
  if (kind === 'ops-down') return decodeOpsDown(byteSource(frame, 1), limits, ids);
  if (kind === 'page') return decodePage(byteSource(frame, 1), limits, inflate, ids);
  return { kind, ...serverSchemas[kind](parseJson(frame.subarray(1)), 'the message') } as ServerMessage;
}

function decodeOpsUp(source: ByteSource, limits: FrameLimits, ids: IdCache): OpsUp {
  const ws = takeVarint(source);
  const batch = takeVarint(source);
  checkCount(source, limits, ws, batch);
  const block = source.bytes.subarray(source.at, source.end);
  return { kind: 'ops-up', ws, batch, records: takeRecordBlock(source, ids), block };
}

function checkCount(source: ByteSource, { maxRecords }: FrameLimits, ws?: number, batch?: number): void {
  const records = peekRecordCount(source);
  if (records > maxRecords)
    throw new StoreError('too_large', 'too many records in one frame: split it', {
      context: { ...(ws !== undefined && { ws }), ...(batch !== undefined && { batch }), records, maxRecords },
    });
}

function decodeOpsDown(source: ByteSource, limits: FrameLimits, ids: IdCache): OpsDown {
  const ws = takeVarint(source);
  const cursor = parseCursor(takeAscii(source, maxCursorLength));
  const count = takeVarint(source);
  const blocks: OpsBlock[] = [];
  for (let i = 0; i < count; i++) {
    const firstPosition = takeVarint(source);
    const block = byteSource(takeBytes(source, takeVarint(source)));
    checkCount(block, limits, ws);
    const records = takeRecordBlock(block, ids);
    if (!Number.isSafeInteger(firstPosition + records.length)) throw new StoreError('invalid', 'malformed records in a frame: positions');
    blocks.push({ firstPosition, records });
  }
  checkEnd(source);
  return { kind: 'ops-down', ws, cursor, blocks };
}

function checkEnd(source: ByteSource): void {
  if (source.at !== source.end) throw new StoreError('invalid', 'bytes are left over at the end of a frame');
}

type PageStart = Pick<PageMessage, 'kind' | 'ws' | 'sub' | 'next' | 'through'>;

function decodePage(source: ByteSource, limits: FrameLimits, inflate: Inflate, ids: IdCache): PageMessage | Promise<PageMessage> {
  const ws = takeVarint(source);
  const sub = takeVarint(source);
  const flags = takeByte(source);
  const start: PageStart = { kind: 'page', ws, sub, next: takeCursor(source), through: takeCursor(source) };
  const times = (flags & pageFlags.times) !== 0;
  switch (flags & ~pageFlags.times) {
    case 0:
      return { ...start, records: takePageRecords(source, times, limits, ids) };
    case pageFlags.zstd:
      return unpack('zstd', source, start, times, limits, inflate, ids);
    case pageFlags.deflate:
      return unpack('deflate', source, start, times, limits, inflate, ids);
    default:
      throw new StoreError('invalid', 'unknown flags of a page', { context: { flags } });
  }
}

async function unpack(
  how: Compression,
  source: ByteSource,
  start: PageStart,
  times: boolean,
  limits: FrameLimits,
  inflate: Inflate,
  ids: IdCache,
): Promise<PageMessage> {
  const size = takeVarint(source);
  if (size > limits.maxFrameBytes)
    throw new StoreError('too_large', 'a page unfolds to too much', { context: { bytes: size, maxBytes: limits.maxFrameBytes } });
  const bytes = await inflated(how, takeBytes(source, source.end - source.at), size, inflate);
  if (bytes.length !== size) throw new StoreError('invalid', 'a compressed page is not as long as it says');
  // Whatever kind of array the platform's library makes, bodies are plain ones.
  const body = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  return { ...start, records: takePageRecords(byteSource(body), times, limits, ids) };
}

async function inflated(how: Compression, packed: Uint8Array, size: number, inflate: Inflate): Promise<Uint8Array> {
  try {
    return await inflate(how, packed, size);
  } catch (cause) {
    if (hasCode(cause, 'too_large', 'unsupported')) throw cause;
    throw new StoreError('invalid', 'a compressed page is damaged', { cause });
  }
}

function takeCursor(source: ByteSource): Cursor | null {
  const text = takeAscii(source, maxCursorLength);
  return text === '' ? null : parseCursor(text);
}

function takePageRecords(source: ByteSource, times: boolean, limits: FrameLimits, ids: IdCache): readonly PagedRecord[] {
  checkCount(source, limits);
  const count = takeVarint(source);
  const positions = takeSteps(source, count);
  const receivedAt = times ? takeSteps(source, count) : undefined;
  return takePagedBlock(source, ids, positions, receivedAt);
}

function takeSteps(source: ByteSource, count: number): readonly number[] {
  const values: number[] = [];
  let value = 0;
  for (let i = 0; i < count; i++) {
    value += takeVarint(source);
    if (value > Number.MAX_SAFE_INTEGER) throw new StoreError('invalid', 'a page counts beyond 2^53 - 1');
    values.push(value);
  }
  return values;
}
