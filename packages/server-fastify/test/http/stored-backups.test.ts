import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStores } from '@spacestore/adapter-sqlite';
import { type BlobStore, bytesSource, parseBlobRoot, readAll, StoreError, type StoreErrorCode } from '@spacestore/core';
import { keyRing } from '@spacestore/core/layers';
import { memoryBlobStore } from '@spacestore/core/memory';
import { afterEach, describe, expect, it } from 'vitest';
import { type BackupManifest, catalogueKey, snapshotKey } from '../../src/service/backup-catalogue.ts';
import { expectStatus, type Harness, move, withWorkspace } from '../support/harness.ts';

const keys = keyRing([new Uint8Array(32).map((_, i) => i)]);
const root = parseBlobRoot('owner/w1/backup');
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Scene extends Harness {
  readonly blobs: BlobStore;
  readonly write: (counter: number) => Promise<void>;
  readonly records: () => Promise<number>;
  readonly take: () => Promise<BackupManifest>;
  readonly list: () => Promise<readonly BackupManifest[]>;
  readonly restore: (which: number | 'latest', status?: number) => Promise<{ error?: { code: string; message: string } }>;
}

async function scene(blobs: BlobStore = memoryBlobStore(), more: object = {}): Promise<Scene> {
  const dir = await mkdtemp(join(tmpdir(), 'spacestore-backups-'));
  const { ops, secrets, files, directory } = sqliteStores({ dir });
  const harness = await withWorkspace({ ops, secrets, files, directory, blobs, keys, ...more });
  ends.push(async () => {
    await harness.server.close();
    await rm(dir, { recursive: true, force: true });
  });
  const { call } = harness;
  return {
    ...harness,
    blobs,
    write: async (counter) => {
      await expectStatus(call('editor', 'POST', '/workspaces/w1/operations', { json: { records: [move(counter, `v${counter}`)] } }), 200);
    },
    records: async () => ((await expectStatus(call('owner', 'GET', '/workspaces/w1/head'), 200)).json() as { records: number }).records,
    take: async () => (await expectStatus(call('backup', 'POST', '/workspaces/w1/backups'), 201)).json() as BackupManifest,
    list: async () =>
      ((await expectStatus(call('backup', 'GET', '/workspaces/w1/backups'), 200)).json() as { items: readonly BackupManifest[] }).items,
    restore: async (which, status = 200) =>
      (await expectStatus(call('owner', 'POST', `/workspaces/w1/backups/${which}/restore`), status)).json() as {
        error?: { code: string; message: string };
      },
  };
}

async function catalogueOf(blobs: BlobStore): Promise<Buffer> {
  const content = await blobs.get(root, catalogueKey);
  return Buffer.from(await readAll(content?.body as AsyncIterable<Uint8Array>, 1e6));
}

const putCatalogue = (blobs: BlobStore, bytes: Uint8Array) => blobs.put(root, catalogueKey, bytesSource(bytes));
const staticBlobs = async (blobs: BlobStore): Promise<readonly string[]> =>
  (await blobs.list(root, { kind: 'static', limit: 100 })).items.map(({ key }) => key);

describe('backups in the blob store', () => {
  it('restore the newest or any other, under a new history each', async () => {
    const { write, records, take, list, restore, call } = await scene();
    expect(await list()).toEqual([]);
    await write(1);
    const first = await take();
    await write(2);
    const second = await take();
    await write(3);
    expect(await list()).toEqual([first, second]);
    expect(first).toMatchObject({ sequence: 1, takenBy: 'backup', log: { records: 1, position: 1 } });
    expect(second).toMatchObject({ sequence: 2, log: { records: 2 }, previous: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const lineage = async () => ((await call('owner', 'GET', '/workspaces/w1/head')).json() as { lineage: unknown[] }).lineage.length;
    await restore('latest');
    expect([await records(), await lineage()]).toEqual([2, 1]);
    await restore(1);
    expect([await records(), await lineage()]).toEqual([1, 1]);
    await write(9);
    expect((await restore(3, 404)).error).toMatchObject({ code: 'not_found', context: { sequences: [1, 2] } });
    const audit = (await call('owner', 'GET', '/workspaces/w1/audit?limit=1000')).json() as { items: { action: string; detail: object }[] };
    expect(audit.items.filter(({ action }) => /backup|restore/.test(action)).map(({ action, detail }) => [action, detail])).toMatchObject([
      ['backup.store', { sequence: 1 }],
      ['backup.store', { sequence: 2 }],
      ['restore.begin', { sequence: 2 }],
      ['restore', { sequence: 2, records: 2 }],
      ['restore.begin', { sequence: 1 }],
      ['restore', { sequence: 1, records: 1 }],
    ]);
  });

  it('are kept in the number that is set, the newest', async () => {
    const { write, take, list, restore, records, blobs } = await scene(memoryBlobStore(), { limits: { backupsKept: 2 } });
    const taken: BackupManifest[] = [];
    for (let n = 1; n <= 4; n++) {
      await write(n);
      taken.push(await take());
    }
    expect(await list()).toEqual(taken.slice(2));
    expect(await staticBlobs(blobs)).toEqual(taken.slice(2).map(snapshotKey).sort());
    await restore(3);
    expect(await records()).toBe(3);
    await restore(1, 404);
    expect(JSON.parse((await catalogueOf(blobs)).toString())).toMatchObject({
      format: 1,
      workspace: { id: 'w1', name: 'First', owner: 'owner', codec: 'reptree-1' },
      backups: [{ sequence: 3 }, { sequence: 4 }],
    });
  });

  it('all count when several are made at once', async () => {
    const { write, take, list, restore } = await scene();
    await write(1);
    await Promise.all([take(), take(), take()]);
    expect((await list()).map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    await restore('latest');
  });

  it('go with their workspace', async () => {
    const { write, take, blobs, call } = await scene();
    await write(1);
    await take();
    await expectStatus(call('owner', 'DELETE', '/workspaces/w1'), 204);
    expect((await blobs.list(root, { limit: 10 })).items).toEqual([]);
  });

  it.each<[string, (text: string) => string]>([
    ['a digest of a snapshot', (text) => text.replace(/"sha256":"./, (match) => `${match.slice(0, -1)}${match.endsWith('0') ? '1' : '0'}`)],
    ['a sequence', (text) => text.replace('"sequence":2', '"sequence":3')],
    ['a time', (text) => text.replace(/"takenAt":\d/, '"takenAt":9')],
    ['the newest taken out', (text) => text.replace(/,\{"files":[^[]*"sequence":2[^}]*\}[^\]]*/, '')],
    ['the signature', (text) => text.replace(/"signature":"([^"]*)\.([^".]*)"/, '"signature":"$1.AAAA"')],
    ['no signature', (text) => text.replace(/,"signature":"[^"]*"/, '')],
    ['cut', (text) => text.slice(0, -5)],
    ['empty', () => ''],
  ])('are not trusted with a changed catalogue: %s', async (_, change) => {
    const { write, take, restore, records, blobs, call } = await scene();
    await write(1);
    await take();
    await write(2);
    await take();
    await write(3);
    const before = (await catalogueOf(blobs)).toString();
    const changed = change(before);
    expect(changed).not.toBe(before);
    await putCatalogue(blobs, Buffer.from(changed));
    expect((await restore('latest', 500)).error).toMatchObject({ code: 'corrupt' });
    expect((await restore(1, 500)).error).toMatchObject({ code: 'corrupt' });
    await expectStatus(call('backup', 'GET', '/workspaces/w1/backups'), 500);
    await expectStatus(call('backup', 'POST', '/workspaces/w1/backups'), 500); // nor written over
    expect((await catalogueOf(blobs)).toString()).toBe(changed);
    expect(await records()).toBe(3);
  });

  it('are not trusted where they are swapped, rolled back, or signed by another key', async () => {
    const { write, take, restore, records, blobs, call } = await scene();
    await expectStatus(call('owner', 'POST', '/workspaces', { json: { id: 'w2' } }), 201);
    await write(1);
    await take();
    const old = await catalogueOf(blobs);
    await write(2);
    const { snapshot } = await take();
    const good = await catalogueOf(blobs);
    // Swapped: what w1 has, under w2.
    const other = parseBlobRoot('owner/w2/backup');
    for (const { key } of (await blobs.list(root, { limit: 10 })).items) {
      const content = await blobs.get(root, key);
      await blobs.put(other, key, bytesSource(await readAll(content?.body as AsyncIterable<Uint8Array>, 1e7)));
    }
    const swapped = await expectStatus(call('owner', 'POST', '/workspaces/w2/backups/latest/restore'), 500);
    expect(swapped.json()).toMatchObject({ error: { code: 'corrupt', message: expect.stringContaining('another workspace') } });
    // Rolled back: an older catalogue, as this server signed it.
    await putCatalogue(blobs, old);
    expect((await restore('latest', 500)).error).toMatchObject({ code: 'corrupt', context: { newest: 1, written: 2 } });
    expect(await records()).toBe(2);
    await restore(1); // by its name it may be had
    expect(await records()).toBe(1);
    await putCatalogue(blobs, good);
    await restore('latest');
    // Another server's key.
    const foreign = await scene(blobs, { keys: keyRing([new Uint8Array(32).map((_, i) => i + 1)]) });
    expect((await foreign.restore('latest', 500)).error).toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('not signed by this server'),
    });
    // A snapshot that is gone.
    await blobs.delete(root, `static/${snapshot.sha256}` as typeof catalogueKey);
    expect((await restore('latest', 500)).error).toMatchObject({ code: 'corrupt' });
    expect(await records()).toBe(2);
  });

  it('that can not be looked at are never taken for none', async () => {
    const inner = memoryBlobStore();
    let failure: StoreErrorCode | undefined;
    const failing: BlobStore = {
      ...inner,
      get: (...args) => (failure ? Promise.reject(new StoreError(failure, 'the store answered so')) : inner.get(...args)),
    };
    const { write, take, restore, call, list } = await scene(failing);
    await write(1);
    const first = await take();
    const before = await catalogueOf(inner);
    for (const [code, status] of [
      ['unavailable', 503], // 503, reset, timeout
      ['denied', 403],
      ['unauthenticated', 401],
      ['busy', 429],
      ['corrupt', 500],
    ] as const) {
      failure = code;
      for (const [method, path, user] of [
        ['GET', '/backups', 'backup'],
        ['POST', '/backups', 'backup'],
        ['POST', '/backups/latest/restore', 'owner'],
        ['POST', '/backups/1/restore', 'owner'],
      ] as const) {
        const reply = await call(user, method, `/workspaces/w1${path}`);
        expect([code, path, reply.statusCode, reply.json()]).toMatchObject([code, path, status, { error: { code } }]);
      }
    }
    failure = undefined;
    expect(await catalogueOf(inner)).toEqual(before);
    expect(await list()).toEqual([first]);
    await restore('latest');
  });

  it('survive a backup that breaks off at any step', async () => {
    for (let survives = 0; ; survives++) {
      const inner = memoryBlobStore();
      let left = Number.POSITIVE_INFINITY;
      const step =
        <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
        (...args: Args): Promise<Result> =>
          left-- > 0 ? work(...args) : Promise.reject(new StoreError('unavailable', 'cut'));
      const breaking: BlobStore = { ...inner, put: step(inner.put), delete: step(inner.delete), list: step(inner.list) };
      const { write, take, list, restore, records, call, now, blobs } = await scene(breaking, { limits: { backupsKept: 1 } });
      await write(1);
      await take();
      await write(2);
      left = survives;
      const reply = await call('backup', 'POST', '/workspaces/w1/backups');
      const broke = left < 0;
      left = Number.POSITIVE_INFINITY;
      const kept = await list();
      expect(kept).toHaveLength(1);
      await restore('latest');
      expect(await records()).toBe(kept[0]?.log.records);
      now.value = 8_000_000_000_000; // long after what the store's own clock says
      const last = await take();
      expect(await staticBlobs(blobs)).toEqual([snapshotKey(last)]); // nothing was left behind
      if (!broke) {
        expect([reply.statusCode, survives]).toEqual([201, 4]);
        break;
      }
    }
  });
});
