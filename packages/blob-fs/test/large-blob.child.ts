// Streams a large blob in and out again and prints the peak memory of this process in bytes.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { folderBlobStore } from '@spacestore/blob-fs';
import { parseBlobRoot, staticKey } from '@spacestore/core';

const chunk = new Uint8Array(256 * 1024).map((_, i) => (i * 31) & 0xff);
const chunks = Number(process.argv[3]);
const source = {
  sizeBytes: chunks * chunk.length,
  open: async function* () {
    for (let i = 0; i < chunks; i++) {
      chunk[0] = i & 0xff;
      yield chunk;
    }
  },
};
const hash = createHash('sha256');
for await (const one of source.open()) hash.update(one);
const key = staticKey(hash.digest('hex'));
const root = parseBlobRoot('ada/notes');
const store = await folderBlobStore({ dir: process.argv[2] ?? '', fsync: false });
await store.put(root, key, source);
let sizeBytes = 0;
for await (const one of (await store.get(root, key))?.body ?? []) sizeBytes += one.length;
await store.close();
// Not maxRSS: a child begins with that of its parent.
const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
process.send?.({ sizeBytes, peakBytes: Number(kilobytes) * 1024 });
