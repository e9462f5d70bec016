import { s3BlobStore } from '@spacestore/blob-s3';
import { blobStoreSubject, type Subject } from '@spacestore/conformance';
import { bucketAt, newPlace } from './bucket.ts';
import { gateway, gatewayMissing } from './gateway.ts';

const ceph: Subject<'blob-store'> = blobStoreSubject({
  name: 's3',
  ...(gatewayMissing !== undefined && { missing: gatewayMissing }),
  prepare: gateway,
  setup: async () => newPlace(await gateway()),
  open: (place) => s3BlobStore(place),
  module: import.meta.url,
  raw: async (place) => {
    const bucket = bucketAt(place);
    const names = await bucket.names();
    return Promise.all(names.map(async (path) => ({ path, bytes: await bucket.read(path) })));
  },
  cells: (place) => {
    const bucket = bucketAt(place);
    return {
      read: async () => {
        const names = (await bucket.names()).filter((name) => /files\/(?:static|var)\//.test(name));
        return new Map(await Promise.all(names.map(async (name) => [name, await bucket.read(name)] as const)));
      },
      write: bucket.overwrite,
    };
  },
});

export const subjects: readonly Subject<'blob-store'>[] = [ceph];
