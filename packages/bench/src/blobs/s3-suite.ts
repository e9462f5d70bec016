import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { staticKey } from '@spacestore/core';
import { type BenchContext, seconds } from '../measure.ts';
import { type MeasureSpec, summarize } from '../report/result.ts';
import { openS3Driver, type S3At, type S3Driver, type S3DriverName, s3DriverNames } from './s3-drivers.ts';
import { hasGateway, withGateway } from './s3-gateway.ts';
import { type BlobWork, blobWork } from './work.ts';

const rivals = s3DriverNames.filter((name) => name !== 'spacestore');
const largeBytes = 256 * 2 ** 20;
const sizes = [
  { name: '1 KB × 2,000', sizeBytes: 1024, count: 2000, atOnce: 8 },
  { name: '1 MB × 200', sizeBytes: 1 << 20, count: 200, atOnce: 4 },
  { name: '256 MB × 3', sizeBytes: largeBytes, count: 3, atOnce: 1 },
] as const;

type Figures = ReadonlyMap<S3DriverName, number>;

/** Blobs in a bucket of Ceph on this machine, against the SDK by hand and three libraries, each in turn in every round. Ours alone proves what it writes and reads. */
export async function s3Suite(context: BenchContext): Promise<void> {
  if (!hasGateway()) return context.note('blobs: S3 left out: needs radosgw, ceph-mon and ceph-osd');
  await withGateway(async (at) => {
    for (const size of sizes) await speeds(context, at, size);
    for (const way of ['put', 'get'] as const) await peaks(context, at, way);
  });
}

async function speeds(context: BenchContext, at: S3At, { name, sizeBytes, count, atOnce }: (typeof sizes)[number]): Promise<void> {
  const rounds: { readonly put: Figures; readonly get: Figures }[] = [];
  // The gateway keeps everything in memory, and what is deleted for a while: the largest are measured once.
  const wanted = sizeBytes === largeBytes ? 1 : context.rounds;
  for (let round = 0; round < wanted; round++) {
    context.note(`blobs: S3 ${name} (round ${round + 1} of ${wanted})`);
    const [put, get] = [new Map<S3DriverName, number>(), new Map<S3DriverName, number>()];
    const work = Array.from({ length: count }, () => blobWork(sizeBytes));
    const rate = (elapsed: number): number => (sizeBytes * count) / 1e6 / elapsed;
    for (const each of round % 2 === 0 ? s3DriverNames : s3DriverNames.toReversed()) {
      const driver = await openS3Driver(each, at);
      const first = blobWork(10); // a connection, and code that has run once
      await driver.put(first.key, first.source);
      put.set(each, rate(await seconds(() => spread(work, atOnce, ({ key, source }) => driver.put(key, source)))));
      get.set(each, rate(await seconds(() => spread(work, atOnce, (blob) => read(driver, blob)))));
      await driver.close();
    }
    rounds.push({ put, get });
  }
  for (const way of ['put', 'get'] as const)
    for (const rival of rivals) {
      const bar = rival === 'SDK' ? { bar: 0.9 } : {};
      const spec: MeasureSpec = { suite: 'blobs', name: `S3 ${way} ${name}, beside ${rival}`, unit: 'MB/s', better: 'higher', ...bar };
      context.report(
        summarize(
          spec,
          rounds.map((figures) => ({ value: figures[way].get('spacestore') ?? 0, baseline: figures[way].get(rival) ?? 0 })),
        ),
      );
    }
}

async function read(driver: S3Driver, { key, source: { sizeBytes } }: BlobWork): Promise<void> {
  if ((await driver.get(key)) !== sizeBytes) throw new Error('a blob came back short');
}

/** So many at a time. */
async function spread<Item>(items: readonly Item[], atOnce: number, work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}

async function peaks(context: BenchContext, at: S3At, way: 'put' | 'get'): Promise<void> {
  const piece = new Uint8Array(1 << 20).fill(7);
  const hash = createHash('sha256');
  for (let left = largeBytes; left > 0; left -= piece.length) hash.update(piece);
  const key = staticKey(hash.digest('hex'));
  const found = new Map<S3DriverName, number>();
  for (const name of s3DriverNames) {
    context.note(`blobs: S3 peak memory, ${way} by ${name}`);
    const order = JSON.stringify({ name, at, way, key, sizeBytes: largeBytes });
    const child = fileURLToPath(new URL('./s3-peak-child.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@spacestore/source', child, order]);
    found.set(name, Number(stdout.trim()));
  }
  for (const rival of rivals) {
    const spec: MeasureSpec = {
      suite: 'blobs',
      name: `S3 peak memory of a process (${way} 256 MB), beside ${rival}`,
      unit: 'MB',
      better: 'lower',
      bar: 1,
    };
    context.report(summarize(spec, [{ value: found.get('spacestore') ?? 0, baseline: found.get(rival) ?? 0 }]));
  }
}
