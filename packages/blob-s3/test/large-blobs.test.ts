import { CreateMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { retry } from '@spacestore/core/layers';
import { describe, expect, it } from 'vitest';
import { bytesOf, cephPlace, contentOf, fileKey, gatewayMissing, keyOf, root, sourceOf, strictPlace, type TestPlace } from './places.ts';

const large = bytesOf(12_000_000);
const other = bytesOf(12_000_000, 8);
const ceph = await cephPlace();
const strict = await strictPlace();

async function pending({ bucket, place }: TestPlace): Promise<readonly string[]> {
  const page = await bucket.client.send(new ListMultipartUploadsCommand({ Bucket: place.bucket, Prefix: place.prefix }));
  return (page.Uploads ?? []).map(({ Key = '' }) => Key.slice(place.prefix?.length));
}

describe.each([
  ['a strict server', strict],
  ['Ceph', ceph],
] as const)('blobs larger than a part, on %s', (_, found) => {
  const test = it.skipIf(found === undefined);
  const at = found as TestPlace; // no test runs without it
  test(
    gatewayMissing === undefined || found === strict ? 'both kinds come back as they were put' : `both kinds come back (${gatewayMissing})`,
    async () => {
      const store = await at.open();
      for (const key of [keyOf(large), fileKey(1)]) {
        const info = await store.put(root, key, sourceOf(large), { contentType: 'video/mp4' });
        expect(info).toMatchObject({ sizeBytes: large.length, sha256: keyOf(large).slice(7), contentType: 'video/mp4' });
        expect(await store.head(root, key)).toMatchObject({ version: info.version, sha256: info.sha256, sizeBytes: info.sizeBytes });
        expect(Buffer.compare((await contentOf(store, key)) as Uint8Array, large)).toBe(0);
      }
      expect(await pending(at)).toEqual([]);
    },
  );

  test('content that proves wrong, and a source that breaks, leave nothing, not even parts', async () => {
    const store = await at.open();
    const key = keyOf(bytesOf(12_000_000, 9));
    await expect(store.put(root, key, sourceOf(other))).rejects.toMatchObject({ code: 'invalid' });
    const broken = new Error('the source broke');
    await expect(store.put(root, key, sourceOf(other, broken))).rejects.toBe(broken);
    const stop = new AbortController();
    const endless = {
      open: async function* () {
        for (let i = 0; ; i++) {
          if (i === 100) stop.abort();
          yield other.subarray(0, 100_000);
        }
      },
    };
    await expect(store.put(root, key, endless, {}, { signal: stop.signal })).rejects.toMatchObject({ code: 'aborted' });
    expect(await store.head(root, key)).toBeUndefined();
    expect(await pending(at)).toEqual([]);
  });

  test('of writers that saw the same version one is let through, and one that creates', async () => {
    const store = await at.open();
    const outcome = (put: Promise<unknown>) =>
      put.then(
        () => 'put',
        (error: { readonly code: string }) => error.code,
      );
    const creates = [large, other].map((bytes) => outcome(store.put(root, fileKey(2), sourceOf(bytes), { ifNoneMatch: '*' })));
    expect((await Promise.all(creates)).sort()).toEqual(['conflict', 'put']);
    const { version = '' } = (await store.head(root, fileKey(2))) ?? {};
    const replaces = [large, other].map((bytes) => outcome(store.put(root, fileKey(2), sourceOf(bytes.subarray(1)), { ifMatch: version })));
    expect((await Promise.all(replaces)).sort()).toEqual(['conflict', 'put']);
    expect(await pending(at)).toEqual([]);
  });

  test('what crashed writers left is swept when it is old, and nothing of others', async () => {
    const { place, bucket } = at;
    const begin = (name: string) =>
      bucket.client.send(new CreateMultipartUploadCommand({ Bucket: place.bucket, Key: `${place.prefix}${name}` }));
    const mine = `ada/notes/files/static/ab/${'c'.repeat(62)}`;
    await begin(mine);
    await begin('photos/files/of/others');
    await (await at.open()).close();
    expect((await pending(at)).toSorted()).toEqual([mine, 'photos/files/of/others']);
    await new Promise((resolve) => setTimeout(resolve, 1100)); // servers count in seconds
    await (await at.open({ staleAfterMs: 1 })).close();
    expect(await pending(at)).toEqual(['photos/files/of/others']);
  });
});

describe('parts on a wire that breaks', () => {
  it('are tried again one by one, after 503 as after a lost reply; the source is read once', async () => {
    const { server, open } = await strictPlace();
    const store = await open();
    const before = server.requests.length;
    let opened = 0;
    const source = {
      open: () => {
        opened += 1;
        return sourceOf(large).open();
      },
    };
    server.mischief('busy part');
    await store.put(root, keyOf(large), source);
    const parts = server.requests.slice(before).filter((request) => request.includes('partNumber=2'));
    expect([opened, parts.length]).toEqual([1, 3]);
  });

  it.each(['error inside 200', 'done, error inside 200'] as const)(
    'an end that fails late (%s) is an error, and again a success',
    async (mischief) => {
      const { server, open } = await strictPlace();
      const store = await open();
      server.mischief(mischief);
      await expect(store.put(root, keyOf(large), sourceOf(large))).rejects.toMatchObject({ code: 'unavailable' });
      expect(server.uploads.size).toBe(0);
      server.mischief(mischief);
      const patient = retry('BlobStore', { firstDelayMs: 1 })(store);
      await patient.put(root, fileKey(1), sourceOf(large), { ifNoneMatch: '*' });
      expect(Buffer.compare((await contentOf(store, fileKey(1))) as Uint8Array, large)).toBe(0);
      expect(server.uploads.size).toBe(0);
    },
  );
});
