import { crc32 } from './crc32.ts';

/** CRC-32 of many bytes. */
export function crc32Bulk(bytes: Uint8Array): number {
  return crc32(bytes);
}
