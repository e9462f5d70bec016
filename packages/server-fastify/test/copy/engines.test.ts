import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { libsqlStores } from '@spacestore/adapter-libsql';
import { postgresStores } from '@spacestore/adapter-postgres';
import { azureBlobStore } from '@spacestore/blob-azure';
import { s3BlobStore } from '@spacestore/blob-s3';
import { type BlobStore, systemClock } from '@spacestore/core';
import { keyRing } from '@spacestore/core/layers';
import { expect, it, onTestFinished } from 'vitest';
import { newDatabase } from '../../../adapter-postgres/test/support/server.ts';
import { newContainer } from '../../../blob-azure/test/support/azurite.ts';
import { newPlace } from '../../../blob-s3/test/bucket.ts';
import { gateway, gatewayMissing } from '../../../blob-s3/test/gateway.ts';
import { copyWorkspace } from '../../src/copy/copy-workspace.ts';
import { serviceEvents } from '../../src/events.ts';
import { defaultLimits } from '../../src/limits.ts';
import type { Stores } from '../../src/service/stores.ts';
import { createServices } from '../../src/services.ts';
import { ann, contentOf, fill, history, mutable, sealedWith, sqlitePlace, w1 } from './scene.ts';

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

/** Where a workspace came to stay it is backed up: the snapshot is the engine's own, and lies with the files. */
async function backUpAndRestore(stores: Stores): Promise<void> {
  const keys = keyRing([new Uint8Array(32).map((_, i) => i)]);
  const services = createServices({ ...stores, clock: systemClock, limits: defaultLimits, events: serviceEvents(), keys });
  const grant = await services.gate.authorize({ user: ann }, w1, 'restore');
  const before = await contentOf(stores);
  expect(await services.backups.store(grant)).toMatchObject({ sequence: 1, log: { records: 23_588 } });
  await stores.ops.append(w1, history('sila-chats').slice(0, 5));
  await services.files.delete(grant, mutable);
  expect(await services.backups.restore(grant, undefined)).toMatchObject({ records: 23_588, lineage: [{}] });
  const after = await contentOf(stores);
  expect({ ...after, found: [], stored: [] }).toEqual({ ...before, found: [], stored: [] });
  expect(await services.backups.list(grant)).toHaveLength(1);
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
    await backUpAndRestore(places[1] as Stores);
    await backUpAndRestore(places[2] as Stores);
  },
  180_000,
);
