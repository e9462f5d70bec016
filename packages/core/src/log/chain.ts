import { sha256 } from '#sha256';
import type { StoredRecord } from '../contracts/op-store.ts';
import { crc32, crc32Ascii, crc32Integer } from './crc32.ts';

/** Digest of a log's first `n` commit groups: 32 bytes. */
export type ChainDigest = Uint8Array;

/** The chain before the first record. */
export const emptyChain: ChainDigest = new Uint8Array(32);

/** CRC-32 over everything a stored record says of itself, so that a changed, moved or re-timed row is noticed. */
export function recordDigest(record: Pick<StoredRecord, 'tree' | 'peer' | 'counter' | 'position' | 'receivedAt' | 'body'>): number {
  return seededDigest(digestSeed(record.tree, record.peer), record.counter, record.position, record.receivedAt, record.body);
}

/** The chain after a group whose records have these digests, in position order. */
export function extendChain(previous: ChainDigest, digests: readonly number[]): ChainDigest {
  if (digests.length === 0) return previous;
  const bytes = new Uint8Array(32 + digests.length * 4);
  bytes.set(previous);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < digests.length; i++) view.setUint32(32 + i * 4, digests[i] as number, true);
  return sha256(bytes);
}

/** What a cursor carries of a chain: the first 8 bytes in hex. */
export function chainTag(chain: ChainDigest): string {
  let text = '';
  for (let i = 0; i < 8; i++) text += (chain[i] as number).toString(16).padStart(2, '0');
  return text;
}

/** The part of `recordDigest` that all records of one tree and peer share. */
export function digestSeed(tree: string, peer: string): number {
  return crc32Ascii(`${tree}/${peer}/`);
}

/** `recordDigest` from its shared part. */
export function seededDigest(seed: number, counter: number, position: number, receivedAt: number, body: Uint8Array): number {
  return crc32(body, crc32Integer(receivedAt, crc32Integer(position, crc32Integer(counter, seed))));
}
