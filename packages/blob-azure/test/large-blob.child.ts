// Streams a large blob in and out again and tells the peak memory of this process in bytes, and what it was before the first of it.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { azureBlobStore } from '@spacestore/blob-azure';
import { parseBlobRoot, staticKey } from '@spacestore/core';

/** Not maxRSS: a child begins with that of its parent. */
async function peakBytes(): Promise<number> {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

const [, , connectionString = '', container = '', chunks = '0'] = process.argv;
const chunk = new Uint8Array(256 * 1024).map((_, i) => (i * 31) & 0xff);
const source = {
  sizeBytes: Number(chunks) * chunk.length,
  open: async function* () {
    for (let i = 0; i < Number(chunks); i++) {
      chunk[0] = i & 0xff;
      yield chunk;
    }
  },
};
const hash = createHash('sha256');
for await (const one of source.open()) hash.update(one);
const key = staticKey(hash.digest('hex'));
const root = parseBlobRoot('ada/notes');
const store = await azureBlobStore({ connectionString, container });
const startBytes = await peakBytes();
await store.put(root, key, source);
let sizeBytes = 0;
for await (const one of (await store.get(root, key))?.body ?? []) sizeBytes += one.length;
await store.close();
process.send?.({ sizeBytes, startBytes, peakBytes: await peakBytes() });
process.disconnect?.();
