import { crc32 } from '../../log/crc32.ts';

/** What a record's row holds, packed into one column: SQLite then hands over a page of records as one value, joined, and not as a value for each row
 *  and column. That is where reading spent its time; it became three times as fast, measured.
 *  Layout: length of the head in a byte; the head: length of the body, position, tree, peer, author (0 for none), counter and time of receipt, seven
 *  bits a byte, the least significant first; the body; a check of 4 bytes.
 *  Law: the CRC-32 of a row is 0, and so is that of any rows joined. One look at a page finds a changed byte in any of them.
 *  Source of the integers: LEB128, DWARF 5, section 7.6; of the CRC: RFC 1952, section 8. */
export interface RowHead {
  readonly bodyBytes: number;
  readonly position: number;
  /** The small integers of names. */
  readonly tree: number;
  readonly peer: number;
  readonly author: number;
  readonly counter: number;
  readonly receivedAt: number;
}

/** 1 for the length, 5 each for four 32-bit integers, 8 each for three up to 2^53 − 1. */
const maxHeadBytes = 45;
const checkBytes = 4;
/** What a row is longer than its body, at most. */
export const maxRowBytes: number = maxHeadBytes + checkBytes;
const chunkBytes = 32 * 1024;

/** The four bytes whose CRC-32 is 0. Since a CRC is linear, a CRC of anything, exclusive or with these, and put behind it, makes the whole one 0. */
const zeroing = 0x6dd90a9d;

/** SQL for the check and the body of a column `data`. A length below 128 is one character of UTF-8, so `unicode` tells it. */
export const digestSql: string = `substr(data, -${checkBytes})`;
const headBytesSql = 'unicode(CAST(substr(data, 1, 1) AS TEXT))';
export const bodySql: string = `substr(data, 2 + ${headBytesSql}, length(data) - ${1 + checkBytes} - ${headBytesSql})`;

/** Makes columns, small ones many in one buffer. */
export function rowWriter(): (head: RowHead, body: Uint8Array) => Uint8Array {
  let bytes = new Uint8Array(0);
  let at = 0;
  const put = (value: number): void => {
    let rest = value;
    while (rest >= 0x80) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest = rest < 0x80000000 ? rest >>> 7 : Math.floor(rest / 0x80);
    }
    bytes[at++] = rest;
  };
  return ({ bodyBytes, position, tree, peer, author, counter, receivedAt }, body) => {
    const most = maxRowBytes + bodyBytes;
    if (at + most > bytes.length) {
      // The first is small: most groups are.
      bytes = new Uint8Array(Math.max(most, bytes.length === 0 ? 2 * most : chunkBytes));
      at = 0;
    }
    const start = at++;
    put(bodyBytes);
    put(position);
    put(tree);
    put(peer);
    put(author);
    put(counter);
    put(receivedAt);
    bytes[start] = at - start - 1;
    bytes.set(body, at);
    at += bodyBytes;
    const check = crc32(bytes.subarray(start, at)) ^ zeroing;
    bytes[at++] = check;
    bytes[at++] = check >>> 8;
    bytes[at++] = check >>> 16;
    bytes[at++] = check >>> 24;
    return bytes.subarray(start, at);
  };
}

/** Whether a row, or rows, are as they were written. */
export function isAsWritten(row: Uint8Array): boolean {
  return crc32(row) === 0;
}

/** The check of a row is its digest in the chain. */
export function digestOfRow(row: Uint8Array): number {
  return digestAt(row, row.length - checkBytes);
}

/** The head of the row read last. */
export type RowCursor = { -readonly [Field in keyof RowHead]: number } & {
  /** Where its body begins. */
  at: number;
};

export function rowCursor(): RowCursor {
  return { at: 0, bodyBytes: 0, position: 0, tree: 0, peer: 0, author: 0, counter: 0, receivedAt: 0 };
}

/** Reads the head at `at` and goes on to its body. False if the lengths can't be right: damaged, like whatever has a wrong check. */
export function readRowHead(bytes: Uint8Array, row: RowCursor): boolean {
  const end = row.at + 1 + (bytes[row.at] as number);
  row.at++;
  row.bodyBytes = readInteger(bytes, row);
  row.position = readInteger(bytes, row);
  row.tree = readInteger(bytes, row);
  row.peer = readInteger(bytes, row);
  row.author = readInteger(bytes, row);
  row.counter = readInteger(bytes, row);
  row.receivedAt = readInteger(bytes, row);
  return row.at === end && end + row.bodyBytes + checkBytes <= bytes.length;
}

/** Goes on from a body to the next row. The digest of the row. */
export function endRow(bytes: Uint8Array, row: RowCursor): number {
  const digest = digestAt(bytes, row.at + row.bodyBytes);
  row.at += row.bodyBytes + checkBytes;
  return digest;
}

function digestAt(bytes: Uint8Array, at: number): number {
  return (le16(bytes, at) | (le16(bytes, at + 2) << 16)) >>> 0;
}

function le16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

/** Beyond the end it reads zeros. */
function readInteger(bytes: Uint8Array, row: RowCursor): number {
  let byte = bytes[row.at++] as number;
  if (byte < 0x80) return byte;
  let value = byte & 0x7f;
  // Up to 28 bits by shifts, which are for 32 bits, the rest by multiplication.
  for (let shift = 7; shift < 28; shift += 7) {
    byte = bytes[row.at++] as number;
    value |= (byte & 0x7f) << shift;
    if (!(byte >= 0x80)) return value;
  }
  for (let scale = 2 ** 28; scale < 2 ** 63; scale *= 0x80) {
    byte = bytes[row.at++] as number;
    value += (byte & 0x7f) * scale;
    if (!(byte >= 0x80)) break;
  }
  return value;
}
