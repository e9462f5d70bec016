import { createHash } from 'node:crypto';
import { azureBlobStore } from '@spacestore/blob-azure';
import { s3BlobStore } from '@spacestore/blob-s3';
import { type BlobStore, bytesSource, parseBlobRoot } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { newContainer } from '../../blob-azure/test/support/azurite.ts';
import { newPlace } from '../../blob-s3/test/bucket.ts';
import { gateway, gatewayMissing } from '../../blob-s3/test/gateway.ts';
import { remoteStores } from '../src/stores/remote-stores.ts';
import { startRealServer, tokenOf, workspace } from './support/real-server.ts';

const requireAll = process.env.SPACESTORE_REQUIRE_ALL === '1';
const stores: readonly (readonly [name: string, missing: string | undefined, open: () => Promise<BlobStore>])[] = [
  ['S3', gatewayMissing, async () => s3BlobStore(await newPlace(await gateway()))],
  ['Azure', undefined, async () => azureBlobStore(await newContainer())],
];

describe.each(stores)('a file sent by the client to %s', (_, missing, open) => {
  it.skipIf(missing !== undefined && !requireAll)('streams past the server with progress, and comes back the same way', async () => {
    const server = await startRealServer({ blobs: await open() });
    try {
      const remote = await remoteStores({ url: server.url, token: () => tokenOf('editor') });
      const size = 12_000_000;
      const source = {
        sizeBytes: size,
        open: async function* () {
          for (let at = 0; at < size; at += 100_000) yield Uint8Array.from({ length: 100_000 }, (_, i) => ((at + i) * 7) % 251);
        },
      };
      const progress: number[] = [];
      const { key, sent } = await remote.direct.upload(workspace, source, {
        contentType: 'application/pdf',
        name: 'a.pdf',
        onProgress: (bytes) => void progress.push(bytes),
      });
      expect(sent).toBe(true);
      expect(progress.length).toBeGreaterThan(10);
      expect(progress.at(-1)).toBe(size);
      const content = await remote.direct.download(parseBlobRoot(`owner/${workspace}`), key);
      const hash = createHash('sha256');
      for await (const chunk of content?.body ?? []) hash.update(chunk);
      expect(`static/${hash.digest('hex')}`).toBe(key);
      expect(new URL(await remote.direct.downloadUrl(workspace, key)).origin).not.toBe(new URL(server.url).origin);
      expect(await remote.direct.upload(workspace, source)).toMatchObject({ sent: false });
      const empty = await remote.direct.upload(workspace, bytesSource(new Uint8Array(0)));
      expect(empty).toMatchObject({ sizeBytes: 0, sent: true });
    } finally {
      await server.stop();
    }
  });
});
