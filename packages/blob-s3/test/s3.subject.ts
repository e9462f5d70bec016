import { s3BlobStore } from '@spacestore/blob-s3';
import { blobStoreSubject, type SetupScope, type Subject, type WireProxy, wireProxy } from '@spacestore/conformance';
import { type Bucket, type BucketPlace, bucketAt, newPlace } from './bucket.ts';
import { gateway, gatewayMissing } from './gateway.ts';

const proxies = new Map<string, WireProxy>();
const buckets = new Map<string, Bucket>();

/** A place whose stores reach their server through a wire of their own. */
async function behindWire(direct: BucketPlace, scope: SetupScope): Promise<BucketPlace & { readonly direct: BucketPlace }> {
  const isContent = ({ method, path }: { readonly method: string; readonly path: string }): boolean =>
    method === 'GET' && !/[?&](?:list-type|uploads)/.test(path);
  const proxy = await wireProxy(direct.endpoint ?? '', isContent);
  const bucket = bucketAt(direct);
  scope.after(proxy.close);
  scope.after(() => bucket.client.destroy());
  proxies.set(proxy.url, proxy);
  buckets.set(proxy.url, bucket);
  return { ...direct, endpoint: proxy.url, direct };
}

const ceph: Subject<'blob-store'> = blobStoreSubject({
  name: 's3',
  ...(gatewayMissing !== undefined && { missing: gatewayMissing }),
  prepare: gateway,
  setup: async (scope) => behindWire(await newPlace(await gateway()), scope),
  open: ({ direct: _, ...place }) => s3BlobStore(place),
  wire: ({ endpoint }) => proxies.get(endpoint ?? '') as WireProxy,
  module: import.meta.url,
  raw: async ({ endpoint }) => {
    const bucket = buckets.get(endpoint ?? '') as Bucket;
    const names = await bucket.names();
    return Promise.all(names.map(async (path) => ({ path, bytes: await bucket.read(path) })));
  },
  cells: ({ endpoint }) => {
    const bucket = buckets.get(endpoint ?? '') as Bucket;
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
