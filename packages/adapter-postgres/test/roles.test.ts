import { readFileSync } from 'node:fs';
import { parseBlobRoot, parsePeerId, parseSecretName, parseUserId, staticKey } from '@spacestore/core';
import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { failureOf, newUrl, op, openStores, sql, ws } from './kit.ts';
import { addressOf, sharedServer } from './support/server.ts';

/** The grants as the README prints them, for a role of the test's own. */
function grantsFor(role: string): string {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, grants = ''] = /^```sql\n(.*?)^```/ms.exec(readme) ?? [];
  expect(grants).toContain('GRANT USAGE');
  return grants.replaceAll('TO app;', `TO ${role};`);
}

/** A database whose tables its owner made, and the address of a role that has the grants of the README and nothing else. */
async function granted(): Promise<{ readonly owner: string; readonly app: string }> {
  const owner = await newUrl();
  await openStores(owner).ready();
  const role = `app_${owner.split('/').at(-1)}`;
  await sql(owner, `CREATE ROLE ${role} LOGIN PASSWORD 'password'; ${grantsFor(role)}`);
  onTestFinished(async () => {
    await sql(owner, `DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
  return { owner, app: addressOf(owner, owner.split('/').at(-1) as string, role, 'password') };
}

test('the rights of the README are enough for everything the stores do', async () => {
  const { app } = await granted();
  const { ops, secrets, files, directory, verifyWorkspace, hints } = openStores(app);
  const ann = parseUserId('ann');
  await directory.create({
    id: ws,
    name: 'W',
    owner: ann,
    codec: 'opaque',
    blobRoot: parseBlobRoot('ann/w'),
    settings: { relay: true, app: {} },
  });
  await directory.setMember(ws, parseUserId('bob'), 'editor');
  await directory.setMember(ws, parseUserId('bob'), undefined);
  await directory.bindPeers(ws, ann, [parsePeerId('p')], 5);
  await directory.addUsage(ws, { fileBytes: 1, files: 1 }, { fileBytes: 9, files: 9 });
  await directory.audit({ workspace: ws, user: ann, action: 'tried', outcome: 'done', detail: {} });
  await ops.fence(ws, 3);
  await ops.append(
    ws,
    Array.from({ length: 600 }, (_, i) => op('p', i)),
    { ifEpoch: 3, via: ann },
  );
  await ops.append(ws, [op('p', 5)]);
  await ops.read(ws, { limit: 10, missing: new Map() });
  await ops.vector(ws, { limit: 10 });
  await ops.trees(ws, { limit: 10 });
  await ops.workspaces({ limit: 10 });
  await secrets.set(ws, parseSecretName('s'), Uint8Array.of(1), { ifVersion: 0, writeId: 'a' });
  await files.put(ws, { key: staticKey('ab'.repeat(32)), sizeBytes: 1, createdAt: 1, state: 'ready' });
  const snapshot = await ops.snapshot(ws);
  await ops.restore(ws, snapshot as NonNullable<typeof snapshot>);
  expect((await verifyWorkspace(ws))?.problems).toEqual([]);
  expect(await directory.verifyAudit()).toBeUndefined();
  await new Promise<void>((resolve) => {
    hints.subscribe({ hint: () => undefined, reconnected: resolve });
  });
  hints.publish({ kind: 'replaced', workspace: ws });
  for (const store of [ops, secrets, files]) await store.drop(ws);
  await directory.beginDelete(ws);
  await directory.endDelete(ws);
});

test('with them records and the audit can’t be changed, and nothing can be made or cleared', async () => {
  const { app } = await granted();
  await openStores(app).ops.append(ws, [op('a', 1)]);
  const client = new Client({ connectionString: app });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query("SELECT set_config('search_path', 'spacestore', false), set_config('spacestore.workspaces', 'w', false)");
  for (const statement of [
    "UPDATE record SET body = ''",
    'UPDATE audit SET actor = null',
    'DELETE FROM audit',
    'TRUNCATE record',
    'UPDATE meta SET version = 0',
    'CREATE TABLE mine (x int)',
    'DROP TABLE record',
    'ALTER TABLE record DISABLE ROW LEVEL SECURITY',
    'DROP POLICY bound ON record',
    'SELECT 1 FROM record_0',
  ])
    await expect(client.query(statement), statement).rejects.toMatchObject({ code: expect.stringMatching(/^(42501|3F000)$/) });
});

test('a role that may not make the tables is told so where there are none', async () => {
  const url = await newUrl();
  const role = `none_${url.split('/').at(-1)}`;
  await sql(url, `CREATE ROLE ${role} LOGIN PASSWORD 'password'`);
  onTestFinished(async () => {
    await sql(url, `DROP ROLE ${role}`);
  });
  const { ops } = openStores(addressOf(url, url.split('/').at(-1) as string, role, 'password'));
  expect(await failureOf(ops.head(ws))).toMatchObject({ code: 'internal', context: { engine: '42501' } });
});

test('a user whom row-level security does not bind is refused', async () => {
  const url = await newUrl();
  const admin = (await sharedServer()).replace(/\/[^/?]*$/, `/${url.split('/').at(-1)}`);
  expect(await failureOf(openStores(admin).ops.head(ws))).toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('row-level security'),
  });
});
