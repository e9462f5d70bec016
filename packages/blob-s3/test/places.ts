import { createHash, randomUUID } from 'node:crypto';
import { type S3BlobOptions, s3BlobStore } from '@spacestore/blob-s3';
import { type BlobKey, type BlobRoot, type BlobStore, type ByteSource, parseBlobRoot, readAll, staticKey, varKey } from '@spacestore/core';
import { afterAll } from 'vitest';
import { type Bucket, type BucketPlace, bucketAt, newPlace } from './bucket.ts';
import { gateway, gatewayMissing } from './gateway.ts';
import { type StrictS3, strictS3 } from './strict-s3/server.ts';

export const root: BlobRoot = parseBlobRoot('ada/notes');
export const fileKey = (n: number): BlobKey => varKey(n.toString(16).padStart(32, '0'));
export const keyOf = (bytes: Uint8Array): BlobKey => staticKey(createHash('sha256').update(bytes).digest('hex'));

/** The same bytes every time, different for each seed. */
export function bytesOf(length: number, seed = 7): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + seed * 17 + (i >> 7);
  return bytes;
}

/** In pieces of 100,000 bytes; fails at the end if told so. */
export function sourceOf(bytes: Uint8Array, failure?: Error): ByteSource {
  return {
    open: async function* () {
      for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
      if (failure) throw failure;
    },
  };
}

export async function contentOf(store: BlobStore, key: BlobKey, at: BlobRoot = root): Promise<Uint8Array | undefined> {
  const content = await store.get(at, key);
  return content && readAll(content.body, 64 * 1024 * 1024);
}

export interface TestPlace {
  readonly place: BucketPlace;
  readonly bucket: Bucket;
  readonly open: (options?: Partial<S3BlobOptions>) => Promise<BlobStore>;
}

function at(place: BucketPlace): TestPlace {
  const bucket = bucketAt(place);
  const stores: BlobStore[] = [];
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    bucket.client.destroy();
  });
  return {
    place,
    bucket,
    open: async (options = {}) => {
      const store = await s3BlobStore({ ...place, partBytes: 5 * 2 ** 20, ...options });
      stores.push(store);
      return store;
    },
  };
}

/** A place of its own on a server of its own. To be called while tests are described. */
export async function strictPlace(): Promise<TestPlace & { readonly server: StrictS3 }> {
  const server = await strictS3();
  afterAll(server.close);
  const { endpoint, credentials, bucket } = server;
  return { ...at({ endpoint, credentials, bucket, prefix: `${randomUUID()}/` }), server };
}

/** A place of its own on Ceph, or undefined where there is none. */
export async function cephPlace(): Promise<TestPlace | undefined> {
  return gatewayMissing === undefined ? at(await newPlace(await gateway())) : undefined;
}

export { gatewayMissing } from './gateway.ts';
