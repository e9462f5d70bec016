// Streams a large blob in and out again and tells how many bytes of memory that took at most, beyond what the process had before.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { s3BlobStore } from '@spacestore/blob-s3';
import { parseBlobRoot, staticKey, varKey } from '@spacestore/core';

const { place, megabytes, mutable } = JSON.parse(process.argv[2] ?? '') as {
  readonly place: Parameters<typeof s3BlobStore>[0];
  readonly megabytes: number;
  readonly mutable: boolean;
};
const chunk = new Uint8Array(256 * 1024).map((_, i) => (i * 31) & 0xff);
const source = {
  sizeBytes: megabytes * 4 * chunk.length,
  open: async function* () {
    for (let i = 0; i < megabytes * 4; i++) {
      chunk[0] = i & 0xff;
      yield chunk;
    }
  },
};
const hash = createHash('sha256');
for await (const one of source.open()) hash.update(one);
const key = mutable ? varKey('f'.repeat(32)) : staticKey(hash.digest('hex'));
const root = parseBlobRoot('ada/notes');
const store = await s3BlobStore(place);
const before = process.memoryUsage.rss();
await store.put(root, key, source);
let sizeBytes = 0;
for await (const one of (await store.get(root, key))?.body ?? []) sizeBytes += one.length;
await store.delete(root, key);
await store.close();
// Not maxRSS: a child begins with that of its parent.
const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
process.send?.({ sizeBytes, peakBytes: Number(kilobytes) * 1024 - before });
