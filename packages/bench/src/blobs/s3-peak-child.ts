// Puts or gets one blob of 256 MB with one library and prints the peak memory of this process in MB.
import { readFile } from 'node:fs/promises';
import { openS3Driver, type S3At, type S3DriverName } from './s3-drivers.ts';
import type { BlobWork } from './work.ts';

const { name, at, way, key, sizeBytes } = JSON.parse(process.argv[2] ?? '') as {
  readonly name: S3DriverName;
  readonly at: S3At;
  readonly way: 'put' | 'get';
  readonly key: BlobWork['key'];
  readonly sizeBytes: number;
};
const piece = new Uint8Array(1 << 20).fill(7);
const driver = await openS3Driver(name, at);
if (way === 'put')
  await driver.put(key, {
    sizeBytes,
    open: async function* () {
      for (let left = sizeBytes; left > 0; left -= piece.length) yield piece;
    },
  });
else if ((await driver.get(key)) !== sizeBytes) throw new Error('the blob came back short');
await driver.close();
// Not maxRSS: a child begins with that of its parent.
const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
process.stdout.write(`${Number(kilobytes) / 1000}\n`, () => process.exit());
