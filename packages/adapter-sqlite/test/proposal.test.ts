import { join } from 'node:path';
import { parseSecretName, staticKey, varKey } from '@spacestore/core';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { newDir, op, openStores, ws } from './kit.ts';

const hash = 'ab'.repeat(32);
const uuid = '0123456789abcdef0123456789abcdef';

test('the SELECT statements of the proposal read a workspace file that was closed', async () => {
  const dir = newDir();
  const stores = openStores(dir);
  await stores.describe(ws, { uri: 'https://example.org/w', name: 'Notes', createdAt: 5, userId: 'ann', theme: 'dark' });
  await stores.ops.append(ws, [
    op('b', 3, '["p","v1","title",{"a":[1,null]}]', 'w'),
    op('a', 3, '["m","v2",null]', 'w'),
    op('a', 1, '["m","v1","v0"]', 'w'),
    op('a', 4, '["p","v1","title"]', 'w'),
    op('a', 5, '["p","v1","empty",null]', 'w'),
    op('a', 6, '["p","v1","n\\u0000l","x\\u0000y"]', 'w'),
    op('a', 1, '["m","v1","v0"]', 'other'),
    op('a', 7, 'not JSON', 'w'),
    op('a', 8, '{"m":1}', 'w'),
    op('a', 9, '["m"', 'w'),
    op('a', 10, '', 'w'),
    { ...op('a', 11, '', 'w'), body: new Uint8Array([0xff, 0, 0x5b]) },
  ]);
  await stores.secrets.set(ws, parseSecretName('token'), new TextEncoder().encode('s3cret'), { ifVersion: 0, writeId: 'x' });
  await stores.secrets.set(ws, parseSecretName('gone'), new TextEncoder().encode('old'), { ifVersion: 0, writeId: 'x' });
  await stores.secrets.delete(ws, parseSecretName('gone'), { ifVersion: 1, writeId: 'y' });
  await stores.files.put(ws, { key: staticKey(hash), mimeType: 'image/png', sizeBytes: 7, createdAt: 1_700_000_000_123, state: 'ready' });
  await stores.files.put(ws, { key: varKey(uuid), sizeBytes: 8, createdAt: 2, state: 'ready' });
  await stores.files.put(ws, { key: staticKey('cd'.repeat(32)), sizeBytes: 9, createdAt: 3, state: 'pending' });
  await stores.close();

  const db = new Database(join(dir, 'workspace-w.db'), { readonly: true });
  const rows = (sql: string, ...values: unknown[]) => db.prepare(sql).all(...values);
  const ofTree = rows('SELECT * FROM tree_ops WHERE tree_id = ? ORDER BY clock, peer_id', 'w');
  const row = { tree_id: 'w', parent_id: null, key: null, value: null };
  expect(ofTree).toEqual([
    { ...row, clock: 1, peer_id: 'a', target_id: 'v1', parent_id: 'v0' },
    { ...row, clock: 3, peer_id: 'a', target_id: 'v2' },
    { ...row, clock: 3, peer_id: 'b', target_id: 'v1', key: 'title', value: '{"a":[1,null]}' },
    { ...row, clock: 4, peer_id: 'a', target_id: 'v1', key: 'title' },
    { ...row, clock: 5, peer_id: 'a', target_id: 'v1', key: 'empty', value: 'null' },
    { ...row, clock: 6, peer_id: 'a', target_id: 'v1', key: 'n\0l', value: '"x\\u0000y"' },
  ]);
  expect(rows('SELECT * FROM tree_ops').length).toBe(7);
  expect(rows('SELECT * FROM spaces WHERE id = ?', 'w')).toEqual([
    {
      id: 'w',
      uri: 'https://example.org/w',
      name: 'Notes',
      created_at: 5,
      user_id: 'ann',
      ttabs_layout: null,
      theme: 'dark',
      color_scheme: null,
      drafts: null,
    },
  ]);
  expect(rows('SELECT * FROM secrets')).toEqual([{ key: 'token', value: 's3cret' }]);
  expect(rows('SELECT s3_key FROM file_metadata WHERE hash = ?', hash)).toEqual([{ s3_key: `files/static/ab/${hash.slice(2)}` }]);
  expect(rows('SELECT * FROM file_metadata ORDER BY created_at')).toEqual([
    { hash, s3_key: `files/static/ab/${hash.slice(2)}`, mime_type: 'image/png', size: 7, created_at: 1_700_000_000_123 },
  ]);
  expect(rows('SELECT * FROM mutable_file_metadata')).toEqual([{ uuid, s3_key: `files/var/01/${uuid.slice(2)}`, size: 8, created_at: 2 }]);
  // Its three indexes, or better plans: a tree and a tree's clocks are found by an index.
  const plan = (sql: string) => JSON.stringify(rows(`EXPLAIN QUERY PLAN ${sql}`, 'w'));
  expect(plan('SELECT * FROM tree_ops WHERE tree_id = ?')).toContain('PRIMARY KEY (tree=?)');
  db.close();
});
