import { crc32, crc32Ascii } from '../../log/crc32.ts';

/** The digest a row carries: that of the record, and of who handed it in where that is known. */
export function digestOfRow(recordDigest: number, via: string | null | undefined): number {
  return via === null || via === undefined ? recordDigest : crc32Ascii(via, recordDigest);
}

/** The digest of the head row over its other columns: nothing else covers them. */
export function digestOfHead(columns: readonly (string | number)[], chain: Uint8Array): number {
  return crc32(chain, crc32Ascii(columns.join('/')));
}
