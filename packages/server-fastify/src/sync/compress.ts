import { promisify } from 'node:util';
import { constants, deflateRaw, zstdCompress } from 'node:zlib';
import type { Compress, Compression } from '@spacestore/core/sync';

const deflate = promisify(deflateRaw);
const zstd = promisify(zstdCompress);

/** What this server can do, best first. */
export const compressions: readonly Compression[] = ['zstd', 'deflate'];

/** Level 1 of either, on libuv's threads: more costs several times the CPU for a few bytes less. A page comes out in one piece: with the library's
 *  usual 16 KB each piece is a trip to a thread and back. */
export const compress: Compress = (how, bytes) => {
  const chunkSize = Math.max(1024, bytes.length >> 1);
  return how === 'zstd'
    ? zstd(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 }, chunkSize })
    : deflate(bytes, { level: 1, chunkSize });
};
