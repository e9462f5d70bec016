import type { OpRecord } from '../contracts/op-store.ts';
import type { Cursor } from '../log/cursor.ts';
import { clientKinds, serverKinds } from './frame.ts';
import type { ClientMessage, Compression, OpsDown, OpsUp, PageMessage, ServerMessage, WireWorkspace } from './messages.ts';
import { bytesOf, encodeRecordBlock, putRecordBlock } from './record-block.ts';
import { printJson } from './safe-json.ts';
import { type ByteSink, byteSink, putAscii, putByte, putBytes, putVarint, sunk } from './varint.ts';

/** Shrinks bytes, off the event loop where the platform can. */
export type Compress = (how: Compression, bytes: Uint8Array) => Promise<Uint8Array>;

/** Flag bits of a PAGE. */
export const pageFlags = { zstd: 1, deflate: 2, times: 4 } as const;

/** Below this many bytes compressing a page costs more than it saves. */
const worthCompressing = 512;

/** The frame of a message. `block` of OPS up is sent as it is where it is not empty, else made of `records`. */
export function encodeClientMessage(message: ClientMessage): Uint8Array {
  if (message.kind === 'ops-up') return encodeOpsUp(message);
  const { kind, ...body } = message;
  return printJson(body, clientKinds[kind]);
}

/** The frame of a message; a page uncompressed. */
export function encodeServerMessage(message: ServerMessage): Uint8Array {
  if (message.kind === 'ops-down') return encodeOpsDown(message);
  if (message.kind === 'page') return pageFrame(message, hasTimes(message), 0, encodePageBody(message, hasTimes(message)));
  const { kind, ...body } = message;
  return printJson(body, serverKinds[kind]);
}

function encodeOpsUp({ ws, batch, records, block }: OpsUp): Uint8Array {
  const sink = byteSink(block.length > 0 ? block.length + 17 : 512 + records.length * 16 + bytesOf(records));
  putByte(sink, clientKinds['ops-up']);
  putVarint(sink, ws);
  putVarint(sink, batch);
  if (block.length > 0) putBytes(sink, block);
  else putRecordBlock(sink, records);
  return sunk(sink);
}

function encodeOpsDown({ ws, cursor, blocks }: OpsDown): Uint8Array {
  return encodeBlocks(
    ws,
    cursor,
    blocks.map(({ firstPosition, records }) => ({ firstPosition, block: encodeRecordBlock(records) })),
  );
}

/** A record block as an author sent it, at the dense positions it was given. */
export interface PlacedBlock {
  readonly firstPosition: number;
  readonly block: Uint8Array;
}

/** An OPS frame made of blocks that exist already: nothing is looked into. */
export function encodeBlocks(ws: WireWorkspace, cursor: Cursor, blocks: readonly PlacedBlock[]): Uint8Array {
  let bytes = 128;
  for (const { block } of blocks) bytes += block.length + 16;
  const sink = byteSink(bytes);
  putByte(sink, serverKinds['ops-down']);
  putVarint(sink, ws);
  putAscii(sink, cursor);
  putVarint(sink, blocks.length);
  for (const { firstPosition, block } of blocks) {
    putVarint(sink, firstPosition);
    putVarint(sink, block.length);
    putBytes(sink, block);
  }
  return sunk(sink);
}

/** The frame of a page, its records compressed if that was agreed and helps; with their times, unless told otherwise, if it has them. */
export async function encodePage(
  page: PageMessage,
  how: Compression | null,
  compress: Compress,
  times: boolean = hasTimes(page),
): Promise<Uint8Array> {
  const body = encodePageBody(page, times);
  if (how === null || body.length < worthCompressing) return pageFrame(page, times, 0, body);
  const packed = await compress(how, body);
  if (packed.length >= body.length) return pageFrame(page, times, 0, body);
  return pageFrame(page, times, pageFlags[how], packed, body.length);
}

function pageFrame(page: PageMessage, times: boolean, flags: number, body: Uint8Array, unfoldsTo?: number): Uint8Array {
  const sink = byteSink(body.length + 160);
  putByte(sink, serverKinds.page);
  putVarint(sink, page.ws);
  putVarint(sink, page.sub);
  putByte(sink, flags | (times ? pageFlags.times : 0));
  putAscii(sink, page.next ?? '');
  putAscii(sink, page.through ?? '');
  if (unfoldsTo !== undefined) putVarint(sink, unfoldsTo);
  putBytes(sink, body);
  return sunk(sink);
}

function hasTimes({ records }: PageMessage): boolean {
  return records[0]?.receivedAt !== undefined;
}

/** Columns of positions and, if wanted, times; then the records as a block. */
function encodePageBody({ records }: PageMessage, times: boolean): Uint8Array {
  const sink = byteSink(512 + records.length * 24 + bytesOf(records));
  putVarint(sink, records.length);
  putSteps(sink, records, ({ position }) => position);
  if (times) putSteps(sink, records, ({ receivedAt }) => receivedAt ?? 0);
  putRecordBlock(sink, records);
  return sunk(sink);
}

/** Numbers that never decrease, as the steps between them. */
function putSteps<Item extends OpRecord>(sink: ByteSink, items: readonly Item[], numberOf: (item: Item) => number): void {
  let previous = 0;
  for (const item of items) {
    const value = numberOf(item);
    putVarint(sink, value - previous);
    previous = value;
  }
}
