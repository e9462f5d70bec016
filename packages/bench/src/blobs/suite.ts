import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { folderBlobStore } from '@spacestore/blob-fs';
import { type BlobStore, parseBlobRoot } from '@spacestore/core';
import { type BenchContext, measure, seconds, withFolder } from '../measure.ts';
import { peakOf } from './peak-memory.ts';
import { s3Suite } from './s3-suite.ts';
import { type BlobWork, blobWork } from './work.ts';

const root = parseBlobRoot('owner/bench');

/** Files of three sizes in a folder, against plain files written, hashed and synced the same way with node:fs alone; then S3. */
export async function blobSuite(context: BenchContext): Promise<void> {
  for (const { name, sizeBytes, count } of [
    { name: '1 KB', sizeBytes: 1024, count: 300 },
    { name: '1 MB', sizeBytes: 1 << 20, count: 60 },
    { name: '256 MB', sizeBytes: 256 << 20, count: 1 },
  ]) {
    const work = Array.from({ length: count }, () => blobWork(sizeBytes));
    const unit = 'MB/s';
    const rate = (elapsed: number): number => (sizeBytes * count) / 1e6 / elapsed;
    await measure(
      context,
      { suite: 'blobs', name: `put ${name}`, unit, better: 'higher' },
      () => withFolder(async (dir) => rate(await putOurs(dir, work))),
      () => withFolder(async (dir) => rate(await putPlain(dir, work))),
    );
    await withFolder(async (dir) => {
      await putOurs(dir, work);
      const plain = join(dir, 'plain');
      await putPlain(plain, work);
      await measure(
        context,
        { suite: 'blobs', name: `get ${name}`, unit, better: 'higher' },
        async () => rate(await getOurs(dir, work)),
        async () => rate(await getPlain(plain, work)),
      );
    });
  }
  for (const way of ['put', 'get'] as const)
    await measure(
      { ...context, rounds: 1 },
      {
        suite: 'blobs',
        name: `peak memory of a process that streams 256 MB (${way})`,
        unit: 'MB',
        better: 'lower',
        bar: 128,
        compare: 'value',
        gate: true,
      },
      () => withFolder((dir) => peakOf(way, dir, 256 << 20)),
    );
  await s3Suite(context);
}

async function withStore<Value>(dir: string, use: (store: BlobStore) => Promise<Value>): Promise<Value> {
  const store = await folderBlobStore({ dir });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

function putOurs(dir: string, work: readonly BlobWork[]): Promise<number> {
  return withStore(dir, (store) =>
    seconds(async () => {
      for (const { key, source } of work) await store.put(root, key, source);
    }),
  );
}

function getOurs(dir: string, work: readonly BlobWork[]): Promise<number> {
  return withStore(dir, (store) =>
    seconds(async () => {
      for (const { key } of work) {
        const content = await store.get(root, key);
        if (!content) throw new Error('a blob that was put is missing');
        let bytes = 0;
        for await (const chunk of content.body) bytes += chunk.length;
        if (bytes !== content.sizeBytes) throw new Error('a blob came back short');
      }
    }),
  );
}

const plainPath = (dir: string, key: string): string => join(dir, key.slice(7, 9), key.slice(9));

/** Temporary file, hash, fsync, link, fsync of the folder: what it takes to promise the same. */
function putPlain(dir: string, work: readonly BlobWork[]): Promise<number> {
  return seconds(async () => {
    for (const { key, source } of work) {
      const target = plainPath(dir, key);
      await mkdir(dirname(target), { recursive: true });
      const temporary = `${target}.tmp`;
      const file = await open(temporary, 'wx');
      const hash = createHash('sha256');
      for await (const chunk of source.open()) {
        hash.update(chunk);
        await file.write(chunk);
      }
      if (!key.endsWith(hash.digest('hex'))) throw new Error('hash differs');
      await file.sync();
      await file.close();
      await link(temporary, target);
      await unlink(temporary);
      const folder = await open(dirname(target), 'r');
      await folder.sync();
      await folder.close();
    }
  });
}

function getPlain(dir: string, work: readonly BlobWork[]): Promise<number> {
  return seconds(async () => {
    for (const { key } of work) {
      const hash = createHash('sha256');
      for await (const chunk of createReadStream(plainPath(dir, key))) hash.update(chunk as Uint8Array);
      if (!key.endsWith(hash.digest('hex'))) throw new Error('hash differs');
    }
  });
}
