import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { sqliteStores } from '@spacestore/adapter-sqlite';
import { folderBlobStore } from '@spacestore/blob-fs';
import {
  type BlobStore,
  bytesSource,
  eachItem,
  encodeOp,
  parseBlobRoot,
  parsePeerId,
  parseSecretName,
  parseTreeId,
  parseUserId,
  parseWorkspaceId,
  type RepTreeOp,
  readAll,
  type StoredRecord,
  staticKey,
  varKey,
  type WorkspaceId,
} from '@spacestore/core';
import { keyRing, seal } from '@spacestore/core/layers';
import { memoryBlobStore, memoryDirectory, memoryFileIndex, memoryOpStore, memorySecretStore } from '@spacestore/core/memory';
import { onTestFinished } from 'vitest';
import type { Stores } from '../../src/service/stores.ts';

export const w1: WorkspaceId = parseWorkspaceId('chats');
export const root = parseBlobRoot('ann/chats');
export const [ann, bob, cat] = ['ann', 'bob', 'cat'].map(parseUserId) as [
  ReturnType<typeof parseUserId>,
  ReturnType<typeof parseUserId>,
  ReturnType<typeof parseUserId>,
];

/** Secrets sealed with a key of the place's own. */
export const sealedWith = (n: number) => seal({ keys: keyRing([new Uint8Array(32).map((_, i) => (i * 7 + n) % 256)]) });

export function memoryPlace(): Stores {
  return {
    ops: memoryOpStore(),
    blobs: memoryBlobStore(),
    files: memoryFileIndex(),
    secrets: sealedWith(1)(memorySecretStore()),
    directory: memoryDirectory(),
  };
}

export async function sqlitePlace(): Promise<Stores> {
  const dir = await mkdtemp(join(tmpdir(), 'spacestore-copy-'));
  const { ops, secrets, files, directory, close } = sqliteStores({ dir });
  const blobs: BlobStore = await folderBlobStore({ dir: join(dir, 'blobs') });
  onTestFinished(async () => {
    await close();
    await blobs.close();
    await rm(dir, { recursive: true, force: true });
  });
  return { ops, blobs, files, directory, secrets: sealedWith(2)(secrets) };
}

type Line = RepTreeOp & { readonly treeId: string };

export function history(name: string): readonly ReturnType<typeof encodeOp>[] {
  const lines = gunzipSync(readFileSync(new URL(`../../../../examples/data/${name}.jsonl.gz`, import.meta.url)))
    .toString()
    .trim()
    .split('\n');
  return lines.map((line) => {
    const { treeId, ...op } = JSON.parse(line) as Line;
    return encodeOp(parseTreeId(treeId), op as RepTreeOp);
  });
}

const put = async ({ blobs, files }: Stores, key: ReturnType<typeof staticKey>, bytes: Uint8Array, more: object = {}): Promise<void> => {
  await blobs.put(root, key, bytesSource(bytes));
  await files.put(w1, { key, sizeBytes: bytes.length, createdAt: 1_600_000_000_000, state: 'ready', ...more });
};

export const putStatic = (stores: Stores, text: string, more?: object): Promise<void> =>
  put(stores, staticKey(createHash('sha256').update(text).digest('hex')), Buffer.from(text), more);
export const mutable = varKey('0f8fad5bd9cb469fa16570867728950e');
export const putMutable = (stores: Stores, text: string): Promise<void> => put(stores, mutable, Buffer.from(text));

/** A workspace with everything one can have: a history with times and authors, files, secrets of several versions, members, peers, settings. */
export async function fill(stores: Stores, name = 'sila-chats'): Promise<void> {
  const { ops, secrets, directory } = stores;
  await directory.create({
    id: w1,
    name: 'Chats',
    owner: ann,
    codec: 'reptree-1',
    blobRoot: root,
    settings: { relay: false, app: { theme: 'dark' } },
  });
  await directory.setMember(w1, bob, 'editor');
  await directory.setMember(w1, cat, 'viewer');
  await directory.bindPeers(w1, ann, ['p1', 'p3'].map(parsePeerId), 10);
  await directory.bindPeers(w1, bob, [parsePeerId('p2')], 10);
  const records = history(name);
  let at = 1_650_000_000_000;
  for (let from = 0, step = 1; from < records.length; from += step, step = (step * 3) % 61 || 1) {
    at += (from % 4) * 1000; // some calls at the same time as the one before
    await ops.append(w1, records.slice(from, from + step), { receivedAt: at, ...(from % 3 > 0 && { via: from % 3 === 1 ? ann : bob }) });
  }
  for (const text of ['one', 'two', '', 'x'.repeat(300_000)])
    await putStatic(stores, text, { name: `${text.length}.txt`, mimeType: 'text/plain' });
  await putMutable(stores, 'first');
  await putMutable(stores, 'second');
  for (let version = 0; version < 3; version++)
    await secrets.set(w1, parseSecretName('key'), Buffer.from(`value ${version}`), { ifVersion: version, writeId: `w${version}` });
  await secrets.set(w1, parseSecretName('other'), new Uint8Array(0), { ifVersion: 0, writeId: 'o' });
}

/** Everything that a copy has to have, as plain values. */
export async function contentOf({ ops, blobs, files, secrets, directory }: Stores): Promise<Readonly<Record<string, unknown>>> {
  const records: StoredRecord[] = [];
  for (let query: Parameters<typeof ops.read>[1] | undefined = { limit: 5000 }; query; ) {
    const page: Awaited<ReturnType<typeof ops.read>> = await ops.read(w1, query);
    records.push(...page.records);
    query = page.next;
  }
  const found: unknown[] = [];
  for await (const entry of eachItem((query) => files.list(w1, query))) {
    const content = await blobs.get(root, entry.key);
    found.push([
      entry,
      content &&
        createHash('sha256')
          .update(await readAll(content.body, 1e9))
          .digest('hex'),
    ]);
  }
  const stored: unknown[] = [];
  for await (const { key, sizeBytes } of eachItem((query) => blobs.list(root, query))) stored.push([key, sizeBytes]);
  const entry = await directory.get(w1);
  return {
    records: records.map(({ body, ...rest }) => ({ ...rest, body: Buffer.from(body).toString('latin1') })),
    found,
    stored,
    secrets: (await secrets.getAll(w1)).map(({ name, version, value }) => [name, version, Buffer.from(value).toString('latin1')]),
    entry: entry && { ...entry, epoch: 0, createdAt: 0 },
    members: (await directory.members(w1, { limit: 100 })).items,
    peers: (await directory.peers(w1, { limit: 100 })).items,
  };
}
