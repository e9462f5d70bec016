import { randomUUID } from 'node:crypto';
import { s3BlobStore } from '@spacestore/blob-s3';
import { blobStoreSubject, type SetupScope, type Subject, type WireProxy, wireProxy } from '@spacestore/conformance';
import { type Bucket, type BucketPlace, bucketAt, newPlace } from './bucket.ts';
import { gateway, gatewayMissing } from './gateway.ts';
import { type StrictS3, strictS3 } from './strict-s3/server.ts';

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

const subject = (
  name: string,
  setup: () => Promise<BucketPlace>,
  options: Pick<Subject<'blob-store'>, 'prepare' | 'missing'> = {},
): Subject<'blob-store'> =>
  blobStoreSubject({
    name,
    ...options,
    setup: async (scope) => behindWire(await setup(), scope),
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
          const names = (await bucket.names()).filter((each) => /files\/(?:static|var)\//.test(each));
          return new Map(await Promise.all(names.map(async (each) => [each, await bucket.read(each)] as const)));
        },
        write: bucket.overwrite,
      };
    },
  });

let strict: Promise<StrictS3> | undefined;

/** On a server of our own: it lives as long as this process. */
async function strictPlace(): Promise<BucketPlace> {
  strict ??= strictS3();
  const { endpoint, credentials, bucket } = await strict;
  return { endpoint, credentials, bucket, prefix: `${randomUUID()}/` };
}

export const subjects: readonly Subject<'blob-store'>[] = [
  subject('s3', async () => newPlace(await gateway()), {
    prepare: gateway,
    ...(gatewayMissing !== undefined && { missing: gatewayMissing }),
  }),
  subject('s3-strict', strictPlace),
];
