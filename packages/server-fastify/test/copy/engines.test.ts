import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { libsqlStores } from '@spacestore/adapter-libsql';
import { postgresStores } from '@spacestore/adapter-postgres';
import { azureBlobStore } from '@spacestore/blob-azure';
import { s3BlobStore } from '@spacestore/blob-s3';
import type { BlobStore } from '@spacestore/core';
import { expect, it, onTestFinished } from 'vitest';
import { newDatabase } from '../../../adapter-postgres/test/support/server.ts';
import { newContainer } from '../../../blob-azure/test/support/azurite.ts';
import { newPlace } from '../../../blob-s3/test/bucket.ts';
import { gateway, gatewayMissing } from '../../../blob-s3/test/gateway.ts';
import { copyWorkspace } from '../../src/copy/copy-workspace.ts';
import type { Stores } from '../../src/service/stores.ts';
import { contentOf, fill, sealedWith, sqlitePlace, w1 } from './scene.ts';

const requireAll = process.env.SPACESTORE_REQUIRE_ALL === '1';

async function postgresPlace(blobs: BlobStore): Promise<Stores> {
  const { ops, secrets, files, directory, close } = postgresStores({ url: await newDatabase(onTestFinished) });
  onTestFinished(async () => {
    await close();
    await blobs.close();
  });
  return { ops, files, directory, blobs, secrets: sealedWith(3)(secrets) };
}

async function libsqlPlace(blobs: BlobStore): Promise<Stores> {
  const dir = await mkdtemp(join(tmpdir(), 'spacestore-copy-'));
  const { ops, secrets, files, directory, close } = libsqlStores({ dir, encryptionKey: 'a key that no scan must find' });
  onTestFinished(async () => {
    await close();
    await blobs.close();
    await rm(dir, { recursive: true, force: true });
  });
  return { ops, files, directory, blobs, secrets: sealedWith(4)(secrets) };
}

it.skipIf(gatewayMissing !== undefined && !requireAll)(
  `real histories move from SQLite and a folder over PostgreSQL and S3 to encrypted libSQL and Azure and back, byte for byte (${gatewayMissing ?? 'with Ceph'})`,
  async () => {
    const places = [
      await sqlitePlace(),
      await postgresPlace(await s3BlobStore(await newPlace(await gateway()))),
      await libsqlPlace(await azureBlobStore(await newContainer())),
      await sqlitePlace(),
    ];
    await fill(places[0] as Stores, 'fastify-history');
    const content = await contentOf(places[0] as Stores);
    const digests: string[] = [];
    for (const [i, place] of places.entries()) {
      const next = places[i + 1];
      if (!next) break;
      const copied = await copyWorkspace(place, next, w1, { switch: true });
      expect(copied).toMatchObject({ records: 23_588, files: 5, secrets: 2 });
      digests.push(copied.digest);
      expect(await contentOf(next)).toEqual(content);
    }
    expect(new Set(digests).size).toBe(1);
  },
  180_000,
);
