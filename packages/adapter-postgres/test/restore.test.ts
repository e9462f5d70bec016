import { parseSecretName, parseUserId, staticKey } from '@spacestore/core';
import { expect, test } from 'vitest';
import { failureOf, newUrl, op, openStores, readAllPages, ws } from './kit.ts';

const name = parseSecretName('s');
const file = { key: staticKey('ab'.repeat(32)), sizeBytes: 5, createdAt: 7, state: 'ready', name: 'a "b"\n.txt' } as const;

async function drain(source: { readonly open: () => AsyncIterable<Uint8Array> } | undefined): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source?.open() ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const sourceOf = (bytes: Uint8Array) => ({
  open: async function* () {
    for (let at = 0; at < bytes.length; at += 777) yield bytes.subarray(at, at + 777);
  },
});

test('a snapshot carries log, secrets and files to another database, and later ones replace what is there', async () => {
  const from = openStores(await newUrl());
  const to = openStores(await newUrl());
  const via = parseUserId('ann@example.org');
  for (let i = 0; i < 3; i++)
    await from.ops.append(
      ws,
      Array.from({ length: 300 }, (_, n) => op(`p${n % 3}`, i * 300 + n, 'b'.repeat(n % 50))),
      i === 1 ? { via } : {},
    );
  await from.secrets.set(ws, name, Uint8Array.of(0, 255), { ifVersion: 0, writeId: 'a' });
  await from.files.put(ws, file);
  const bytes = await drain(await from.ops.snapshot(ws));
  const head = await from.ops.head(ws);

  await to.ops.append(ws, [op('z', 1)]);
  await to.secrets.set(ws, name, Uint8Array.of(9), { ifVersion: 0, writeId: 'b' });
  const restored = await to.ops.restore(ws, sourceOf(bytes));
  expect(restored).toMatchObject({ position: 900, bytes: head?.bytes, maxCounter: head?.maxCounter });
  expect(restored.lineage[0]).toEqual({ incarnation: head?.incarnation, forkedAt: head?.cursor });
  expect(await readAllPages(to.ops, { limit: 100 })).toEqual(await readAllPages(from.ops, { limit: 1000 }));
  expect(await to.secrets.get(ws, name)).toEqual({ value: Uint8Array.of(0, 255), version: 1 });
  expect(await to.files.get(ws, file.key)).toEqual(file);
  expect((await to.verifyWorkspace(ws))?.problems).toEqual([]);
  expect(await to.ops.append(ws, [op('p0', 5000)])).toMatchObject({ committedAt: 901 });
});

test('a snapshot that was changed anywhere is refused, and nothing is changed by it', async () => {
  const stores = openStores(await newUrl());
  await stores.ops.append(
    ws,
    Array.from({ length: 40 }, (_, n) => op('p', n)),
  );
  await stores.secrets.set(ws, name, Uint8Array.of(1), { ifVersion: 0, writeId: 'a' });
  const bytes = await drain(await stores.ops.snapshot(ws));
  const before = [await stores.ops.head(ws), await readAllPages(stores.ops), await stores.secrets.getAll(ws)];
  for (let at = 3; at < bytes.length; at += 131) {
    const changed = Uint8Array.from(bytes);
    changed[at] = (changed[at] as number) ^ 1;
    expect((await failureOf(stores.ops.restore(ws, sourceOf(changed)))).code).toBe('corrupt');
  }
  for (const length of [0, 10, 32, bytes.length - 40, bytes.length - 1])
    expect((await failureOf(stores.ops.restore(ws, sourceOf(bytes.subarray(0, length))))).code).toBe('corrupt');
  expect([await stores.ops.head(ws), await readAllPages(stores.ops), await stores.secrets.getAll(ws)]).toEqual(before);
});

test('a snapshot is of one moment, while others write', async () => {
  const url = await newUrl();
  const [one, two] = [openStores(url), openStores(url)];
  await one.ops.append(
    ws,
    Array.from({ length: 3000 }, (_, n) => op('p', n)),
  );
  const taking = one.ops.snapshot(ws);
  for (let i = 0; i < 20; i++) await two.ops.append(ws, [op('q', i)]);
  const bytes = await drain(await taking);
  const target = openStores(await newUrl());
  const { position } = await target.ops.restore(ws, sourceOf(bytes));
  expect(await readAllPages(target.ops)).toEqual((await readAllPages(two.ops)).slice(0, position));
  expect(position).toBeGreaterThanOrEqual(3000);
});
