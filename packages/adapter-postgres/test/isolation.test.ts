import { parseSecretName, staticKey } from '@spacestore/core';
import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { newUrl, op, openStores, other, ws } from './kit.ts';

/** Two workspaces with something in every table, and a session of the very user the stores have. */
async function twoWorkspaces(): Promise<(text: string, values?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>> {
  const url = await newUrl();
  const { ops, secrets, files } = openStores(url);
  for (const workspace of [ws, other]) {
    await ops.append(
      workspace,
      Array.from({ length: 300 }, (_, i) => op('p', i)),
    );
    await secrets.set(workspace, parseSecretName('s'), Uint8Array.of(1), { ifVersion: 0, writeId: 'a' });
    await files.put(workspace, { key: staticKey('ab'.repeat(32)), sizeBytes: 1, createdAt: 1, state: 'ready' });
  }
  const client = new Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('SET search_path TO spacestore');
  return async (text, values = []) => (await client.query<Record<string, unknown>>(text, [...values])).rows;
}

const tables = ['head', 'pair', 'record', 'chain', 'secret', 'file'];
const bind = "SELECT set_config('spacestore.workspaces', $1, true)";

test('a statement that forgets its own condition finds nothing of other workspaces', async () => {
  const query = await twoWorkspaces();
  for (const table of tables) {
    await query('BEGIN');
    await query(bind, ['w']);
    expect([table, await query(`SELECT DISTINCT workspace FROM ${table}`)]).toEqual([table, [{ workspace: 'w' }]]);
    expect(await query(`SELECT 1 FROM ${table} WHERE workspace = 'x'`)).toEqual([]);
    await query(`DELETE FROM ${table}`);
    await query(bind, ['x']);
    expect([table, (await query(`SELECT workspace FROM ${table}`)).length > 0]).toEqual([table, true]);
    await query('ROLLBACK');
  }
});

test('a statement of no workspace finds nothing at all', async () => {
  const query = await twoWorkspaces();
  for (const table of tables) expect(await query(`SELECT 1 FROM ${table}`)).toEqual([]);
  await query('BEGIN');
  await query(bind, ['*']); // the listing: heads may be read, and nothing else
  expect(await query('SELECT workspace FROM head ORDER BY workspace')).toEqual([{ workspace: 'w' }, { workspace: 'x' }]);
  for (const table of tables.filter((name) => name !== 'head')) expect(await query(`SELECT 1 FROM ${table}`)).toEqual([]);
  await query('UPDATE head SET epoch = 99');
  await query(bind, ['w,x']);
  expect(await query('SELECT 1 FROM head WHERE epoch = 99')).toEqual([]);
  await query('ROLLBACK');
});

test('nothing can be written into another workspace', async () => {
  const query = await twoWorkspaces();
  for (const write of [
    "INSERT INTO secret (workspace, name, version, write_id) VALUES ('x', 'mine', 1, 'a')",
    "UPDATE secret SET workspace = 'x', name = 'mine'",
    "INSERT INTO record (workspace, position, pair, counter, received_at, digest, body) VALUES ('x', 301, 1, 301, 1, 1, '')",
  ]) {
    await query('BEGIN');
    await query(bind, ['w']);
    await expect(query(write)).rejects.toMatchObject({ code: '42501' });
    await query('ROLLBACK');
  }
});
