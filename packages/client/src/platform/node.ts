import { promisify } from 'node:util';
import { inflateRaw, zstdDecompress } from 'node:zlib';
import type { Compression, Inflate } from '@spacestore/core/sync';

const inflateRawAsync = promisify(inflateRaw);
const zstdAsync = promisify(zstdDecompress);

/** What every supported Node can inflate, best first. */
export const compressions: readonly Compression[] = ['zstd', 'deflate'];

/** Off the event loop; gives up beyond `maxBytes`. */
export const inflate: Inflate = (how, bytes, maxBytes) =>
  how === 'zstd' ? zstdAsync(bytes, { maxOutputLength: maxBytes }) : inflateRawAsync(bytes, { maxOutputLength: maxBytes });

/** A body may be sent while it is still being read. */
export const streamsUploads = true;
