import { crc32, crc32Ascii, crc32Decimal, crc32Integer } from '../../log/crc32.ts';

/** The digest a row carries: that of the record, and of who handed it in where that is known. */
export function digestOfRow(recordDigest: number, via: string | null | undefined): number {
  return via === null || via === undefined ? recordDigest : crc32Ascii(via, recordDigest);
}

/** The digest of the head row over its other columns: nothing else covers them. */
export function digestOfHead(columns: readonly (string | number)[], chain: Uint8Array): number {
  let digest = 0;
  for (const column of columns) digest = typeof column === 'string' ? crc32Ascii(column, digest) : crc32Integer(column, digest);
  return crc32(chain, digest);
}

/** What a name adds to the head's sum of names: 32 bits, so that the sum of two million names is exact. */
export function nameDigest(table: string, id: number, name: string): number {
  return crc32Ascii(name, crc32Decimal(id, crc32Ascii(table)));
}

const prime = 1_000_003;

/** What a record's entry in the id index adds to the head's sum of ids; `idSumSql` is the same in SQL. */
export function idDigest(tree: number, peer: number, counter: number, position: number): number {
  return (position * 31 + tree * 131 + peer * 17 + (counter % prime)) % prime;
}

export const idSumSql: string = `(position * 31 + tree * 131 + peer * 17 + counter % ${prime}) % ${prime}`;
