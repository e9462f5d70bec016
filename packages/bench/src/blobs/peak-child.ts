import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { folderBlobStore } from '@spacestore/blob-fs';
import { type ByteSource, parseBlobRoot, staticKey } from '@spacestore/core';

const [way, dir, size] = process.argv.slice(2) as [string, string, string];
const root = parseBlobRoot('owner/bench');
const piece = new Uint8Array(1 << 16).fill(7);
const source: ByteSource = {
  sizeBytes: Number(size),
  open: async function* () {
    for (let left = Number(size); left > 0; left -= piece.length) yield left < piece.length ? piece.subarray(0, left) : piece;
  },
};
const hash = createHash('sha256');
for await (const chunk of source.open()) hash.update(chunk);
const key = staticKey(hash.digest('hex'));
const store = await folderBlobStore({ dir });
await store.put(root, key, source);
if (way === 'get') {
  const content = await store.get(root, key);
  let bytes = 0;
  for await (const chunk of content?.body ?? []) bytes += chunk.length;
  if (bytes !== Number(size)) throw new Error('the blob came back short');
}
await store.close();
// Not maxRSS: a child begins with that of its parent.
const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
process.stdout.write(`${Number(kilobytes) / 1000}\n`);
