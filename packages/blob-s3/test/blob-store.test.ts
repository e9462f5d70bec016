import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  PutBucketCorsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { s3BlobStore, spacestoreAdapter } from '@spacestore/blob-s3';
import { timeout } from '@spacestore/core/layers';
import { describe, expect, it } from 'vitest';
import { gateway } from './gateway.ts';
import { bytesOf, cephPlace, contentOf, fileKey, gatewayMissing, keyOf, root, sourceOf, strictPlace } from './places.ts';

const small = bytesOf(1000);
const strict = await strictPlace();
const ceph = await cephPlace();
const onCeph = it.skipIf(ceph === undefined);
const lacks = gatewayMissing === undefined ? '' : ` (${gatewayMissing})`;
const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
const block = (name: string): string => new RegExp(`\`\`\`json ${name}\n(.*?)\`\`\``, 's').exec(readme)?.[1] ?? '';

it('says that nobody was reached, where no answer came', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, 'close');
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  await expect(s3BlobStore({ bucket: 'b', endpoint: `http://127.0.0.1:${port}`, credentials })).rejects.toMatchObject({
    code: 'unavailable',
    message: 'the object store could not be reached, or the connection broke',
    context: { error: 'ECONNREFUSED' },
  });
});

describe('objects', () => {
  it('lie where the layout says, with hash, length and type beside them', async () => {
    const store = await strict.open();
    await store.put(root, keyOf(small), sourceOf(small), { contentType: 'text/plain' });
    await store.put(root, fileKey(5), sourceOf(small));
    const sha256 = keyOf(small).slice(7);
    expect((await strict.bucket.names()).toSorted()).toEqual([
      `ada/notes/files/static/${sha256.slice(0, 2)}/${sha256.slice(2)}`,
      `ada/notes/files/var/00/${'0'.repeat(29)}5`,
    ]);
    const kept = [...strict.server.objects.values()].map(({ headers }) => headers);
    expect(kept).toContainEqual({
      'content-type': 'text/plain',
      'x-amz-meta-sha256': sha256,
      'x-amz-meta-size': '1000',
      'x-amz-meta-type': 'text%2Fplain',
    });
  });

  it('of others under a mutable key are corrupt, never taken for content', async () => {
    const store = await strict.open();
    const { client } = strict.bucket;
    const { bucket: Bucket, prefix } = strict.place;
    await client.send(new PutObjectCommand({ Bucket, Key: `${prefix}ada/notes/files/var/00/${'0'.repeat(29)}6`, Body: 'theirs' }));
    await expect(store.get(root, fileKey(6))).rejects.toMatchObject({ code: 'corrupt' });
    await expect(store.head(root, fileKey(6))).rejects.toMatchObject({ code: 'corrupt' });
  });

  it('cut objects are mended by putting their content again', async () => {
    const store = await strict.open();
    const key = keyOf(bytesOf(2000));
    await store.put(root, key, sourceOf(bytesOf(2000)));
    const name = (await strict.bucket.names()).find((each) => each.endsWith(key.slice(9))) ?? '';
    await strict.bucket.overwrite(name, bytesOf(10));
    await expect(store.get(root, key)).rejects.toMatchObject({ code: 'corrupt' });
    await store.put(root, key, sourceOf(bytesOf(2000)));
    expect(await contentOf(store, key)).toEqual(bytesOf(2000));
  });
});

describe('what a server does is what the store claims', () => {
  it('a strict one shares mutable blobs between stores and takes no other bytes under a hash', async () => {
    const store = await strict.open();
    expect(store.capabilities).toMatchObject({ multiHandle: true, multiProcess: true, presign: true });
    const granted = await store.presign(root, keyOf(bytesOf(50)), { method: 'PUT', expiresInMs: 60_000, sizeBytes: 50 });
    expect(granted.upload).toBe('direct');
    const wrong = await fetch(granted.url, { method: 'PUT', headers: granted.headers, body: bytesOf(50, 8) as Uint8Array<ArrayBuffer> });
    expect(wrong.status).toBe(400);
  });

  onCeph(`Ceph does not judge deletions, and lets foreign headers pass${lacks}`, async () => {
    const store = await ceph!.open();
    expect(store.capabilities).toMatchObject({ multiHandle: false, multiProcess: false, presign: true });
    const granted = await store.presign(root, keyOf(bytesOf(50)), { method: 'PUT', expiresInMs: 60_000, sizeBytes: 50 });
    expect(granted.upload).toMatch(/^50-/);
  });
});

describe('an error is never taken for an absent blob', () => {
  it.each([
    ['a bucket that is not there', { bucket: 'nowhere' }],
    ['another secret', { credentials: { accessKeyId: strict.place.credentials.accessKeyId, secretAccessKey: 'guessed' } }],
    ['another user', { credentials: { accessKeyId: 'nobody', secretAccessKey: 'guessed' } }],
    ['an address where nobody is', { endpoint: 'http://127.0.0.1:1' }],
  ])('%s: the store does not open', async (_, options) => {
    await expect(s3BlobStore({ ...strict.place, ...options })).rejects.toMatchObject({ code: 'unavailable' });
  });

  onCeph(`a bucket that goes while the store is open${lacks}`, async () => {
    const { client } = ceph!.bucket;
    const Bucket = `going-${Date.now()}`;
    await client.send(new CreateBucketCommand({ Bucket }));
    const store = await ceph!.open({ bucket: Bucket });
    await client.send(new DeleteBucketCommand({ Bucket }));
    const calls = [
      store.head(root, fileKey(1)),
      store.get(root, fileKey(1)),
      store.list(root, { limit: 1 }),
      store.put(root, fileKey(1), sourceOf(small)),
    ];
    for (const outcome of await Promise.allSettled(calls))
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
  });

  it('a redirect, and an answer that stops half way, fail; the next call succeeds', async () => {
    const store = await strict.open();
    await store.put(root, fileKey(7), sourceOf(small));
    strict.server.mischief('redirect');
    await expect(store.head(root, fileKey(7))).rejects.toMatchObject({ code: 'unavailable' });
    strict.server.mischief('slow drip');
    const hasty = timeout('BlobStore', { timeoutMs: 200 })(store);
    await expect(contentOf(hasty, fileKey(7))).rejects.toMatchObject({ code: 'unavailable' });
    expect(await contentOf(store, fileKey(7))).toEqual(small);
  });

  it('a listing that lags behind does not hide a blob from get, head or commit', async () => {
    const store = await strict.open();
    await store.put(root, fileKey(8), sourceOf(small));
    strict.server.mischief('stale list');
    const { items } = await store.list(root, { limit: 100, kind: 'var' });
    expect(items.map(({ key }) => key)).not.toContain(fileKey(8));
    expect(await contentOf(store, fileKey(8))).toEqual(small);
  });
});

describe('a commit of an upload that takes long', () => {
  it('puts nothing over what came after it', async () => {
    const [store, other] = [await strict.open(), await strict.open()];
    const sent = bytesOf(300, 5);
    const { url, headers, upload = '' } = await store.presign(root, fileKey(9), { method: 'PUT', expiresInMs: 60_000, sizeBytes: 300 });
    expect((await fetch(url, { method: 'PUT', headers, body: sent as Uint8Array<ArrayBuffer> })).status).toBe(200);
    strict.server.overtake(async () => {
      const { version } = await other.commit(root, fileKey(9), upload);
      await other.put(root, fileKey(9), sourceOf(small), { ifMatch: version });
    });
    await expect(store.commit(root, fileKey(9), upload)).rejects.toMatchObject({ code: 'not_found' });
    expect(await contentOf(store, fileKey(9))).toEqual(small);
  });

  it('looks again where somebody else replaced the blob meanwhile, and is done then', async () => {
    const [store, other] = [await strict.open(), await strict.open()];
    const sent = bytesOf(300, 5);
    const { url, headers, upload = '' } = await store.presign(root, fileKey(10), { method: 'PUT', expiresInMs: 60_000, sizeBytes: 300 });
    await fetch(url, { method: 'PUT', headers, body: sent as Uint8Array<ArrayBuffer> });
    strict.server.overtake(() => other.put(root, fileKey(10), sourceOf(small)));
    await store.commit(root, fileKey(10), upload);
    expect(await contentOf(store, fileKey(10))).toEqual(sent);
  });
});

describe('encryption', () => {
  onCeph(`a customer key opens what it closed, and nothing else does; no URL is given${lacks}`, async () => {
    const store = await ceph!.open({ encryption: { algorithm: 'customer', key: bytesOf(32) } });
    const large = bytesOf(6_000_000);
    for (const key of [fileKey(20), keyOf(large)]) {
      const bytes = key === fileKey(20) ? small : large;
      await store.put(root, key, sourceOf(bytes));
      expect(Buffer.compare((await contentOf(store, key)) as Uint8Array, bytes)).toBe(0);
    }
    await expect(store.presign(root, fileKey(20), { method: 'GET', expiresInMs: 1000 })).rejects.toMatchObject({ code: 'unsupported' });
    const other = await ceph!.open({ encryption: { algorithm: 'customer', key: bytesOf(32, 8) } });
    await expect(other.get(root, fileKey(20))).rejects.toMatchObject({ code: 'unavailable' });
    await expect((await ceph!.open()).head(root, fileKey(20))).rejects.toMatchObject({ code: 'unavailable' });
  });

  onCeph(`a key of the server's key store is asked for by name, by presigned URLs too${lacks}`, async () => {
    const store = await ceph!.open({ encryption: { algorithm: 'aws:kms', keyId: 'testkey-1' } });
    await store.put(root, fileKey(21), sourceOf(small));
    expect(await contentOf(store, fileKey(21))).toEqual(small);
    const { url, headers, upload = '' } = await store.presign(root, fileKey(22), { method: 'PUT', expiresInMs: 60_000, sizeBytes: 1000 });
    expect(headers['x-amz-server-side-encryption']).toBe('aws:kms');
    expect((await fetch(url, { method: 'PUT', headers, body: small as Uint8Array<ArrayBuffer> })).status).toBe(200);
    await store.commit(root, fileKey(22), upload);
    expect(await contentOf(store, fileKey(22))).toEqual(small);
  });

  it('storage class and server-side encryption travel with every object', async () => {
    const store = await strict.open({ storageClass: 'STANDARD_IA', encryption: { algorithm: 'AES256' } });
    await store.put(root, fileKey(23), sourceOf(small));
    await store.put(root, keyOf(bytesOf(6_000_000)), sourceOf(bytesOf(6_000_000)));
    const made = [...strict.server.objects].filter(([name]) => name.endsWith('17') || name.endsWith(keyOf(bytesOf(6_000_000)).slice(9)));
    expect(made.map(([, { headers }]) => [headers['x-amz-storage-class'], headers['x-amz-server-side-encryption']])).toEqual([
      ['STANDARD_IA', 'AES256'],
      ['STANDARD_IA', 'AES256'],
    ]);
  });
});

describe('the page that says how to set up a bucket', () => {
  onCeph(`its policy is enough for everything, and lets nobody into another bucket${lacks}`, async () => {
    const { least } = await gateway();
    if (least === undefined) return; // not our gateway: there is no second user
    const { client } = ceph!.bucket;
    const [Bucket, foreign] = [`least-${Date.now()}`, `foreign-${Date.now()}`];
    for (const each of [Bucket, foreign]) await client.send(new CreateBucketCommand({ Bucket: each }));
    const policy = JSON.parse(block('policy').replaceAll('workspaces', Bucket)) as { readonly Statement: readonly object[] };
    const Statement = policy.Statement.map((each) => ({ ...each, Principal: { AWS: ['arn:aws:iam:::user/least'] } }));
    await client.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ ...policy, Statement }) }));
    const store = await ceph!.open({ bucket: Bucket, credentials: least });
    const large = bytesOf(12_000_000);
    await store.put(root, keyOf(large), sourceOf(large));
    const { version } = await store.put(root, fileKey(1), sourceOf(small), { ifNoneMatch: '*' });
    await store.put(root, fileKey(1), sourceOf(bytesOf(5)), { ifMatch: version });
    await expect(store.put(root, keyOf(small), sourceOf(large))).rejects.toMatchObject({ code: 'invalid' });
    const { url, headers, upload = '' } = await store.presign(root, fileKey(2), { method: 'PUT', expiresInMs: 60_000, sizeBytes: 1000 });
    await fetch(url, { method: 'PUT', headers, body: small as Uint8Array<ArrayBuffer> });
    await store.commit(root, fileKey(2), upload);
    expect((await store.list(root, { limit: 9 })).items).toHaveLength(3);
    expect(await contentOf(store, fileKey(2))).toEqual(small);
    await store.delete(root, fileKey(1));
    await store.drop(root);
    expect((await store.list(root, { limit: 9 })).items).toEqual([]);
    await expect(ceph!.open({ bucket: foreign, credentials: least })).rejects.toMatchObject({ code: 'unavailable' });
  });

  onCeph(`its CORS lets a page of the named origin upload, and no other${lacks}`, async () => {
    const { client } = ceph!.bucket;
    const Bucket = `cors-${Date.now()}`;
    await client.send(new CreateBucketCommand({ Bucket }));
    const CORSRules = JSON.parse(block('cors')) as never;
    await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
    const store = await ceph!.open({ bucket: Bucket });
    const { url, headers } = await store.presign(root, fileKey(1), {
      method: 'PUT',
      expiresInMs: 60_000,
      sizeBytes: 10,
      contentType: 'image/png',
    });
    const ask = (origin: string) =>
      fetch(url, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': Object.keys(headers).join(',') },
      });
    expect((await ask('https://app.example.org')).headers.get('access-control-allow-origin')).toBe('https://app.example.org');
    expect((await ask('https://evil.example.org')).headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('options of a configuration file', () => {
  it('open a store', async () => {
    const { endpoint, bucket, prefix, credentials } = strict.place;
    const { blobs, ready } = await spacestoreAdapter.open({ endpoint, bucket, prefix, credentials });
    await ready();
    await blobs.close();
  });

  it.each([
    [{}, 'bucket'],
    [{ bucket: 'b', buckit: 'c' }, 'buckit'],
    [{ bucket: 'b', partBytes: '8' }, 'partBytes'],
    [{ bucket: 'b', credentials: { accessKeyId: 'a' } }, 'credentials'],
    [{ bucket: 'b', encryption: { algorithm: 'rot13' } }, 'encryption'],
    [{ bucket: 'b', encryption: { algorithm: 'customer', key: 'c2hvcnQ=' } }, 'customer key'],
    [{ bucket: 'b', prefix: '../' }, 'prefix'],
    [{ bucket: 'b', partBytes: 7 }, 'part'],
  ])('%j is refused, naming %s', async (options, name) => {
    await expect(spacestoreAdapter.open(options)).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining(name) });
  });
});
