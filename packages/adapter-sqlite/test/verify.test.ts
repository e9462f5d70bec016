import { join } from 'node:path';
import { parseUserId } from '@spacestore/core';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { failureOf, newDir, op, openStores, readAllPages, ws } from './kit.ts';

/** A log of 600 records, tampered with behind the store's back. */
async function tampered(sql: string) {
  const dir = newDir();
  const first = openStores(dir);
  for (let call = 0; call < 6; call++) {
    const records = Array.from({ length: 100 }, (_, i) => op(`p${i % 3}`, call * 100 + i, `"${i}"`));
    await first.ops.append(ws, records, { via: parseUserId('ann') });
  }
  await first.close();
  const raw = new Database(join(dir, 'workspace-w.db'));
  raw.exec(sql);
  raw.close();
  return openStores(dir);
}

/** SQL that puts other bytes into a row's `data`: from an offset on, counted from 1. */
const dataWith = (from: string, bytes: string) =>
  `CAST(substr(data, 1, ${from} - 1) || x'${bytes}' || substr(data, ${from} + ${bytes.length / 2}) AS BLOB)`;
const swap = `
  CREATE TEMP TABLE a AS SELECT * FROM record WHERE position IN (10, 20);
  DELETE FROM record WHERE position IN (10, 20);
  INSERT INTO record SELECT 30 - position, data FROM a`;

test.each([
  ['nothing', 'SELECT 1', []],
  ['a changed body', `UPDATE record SET data = ${dataWith('length(data) - 4', '23')} WHERE position = 301`, ['changed 301']],
  ['a changed id', `UPDATE record SET data = ${dataWith('8', '63')} WHERE position = 5`, ['changed 5']],
  ['a changed time', `UPDATE record SET data = ${dataWith('9', '00')} WHERE position = 7`, ['changed 7']],
  ['a changed hander-in', `UPDATE author SET name = 'bob'`, ['names 600']],
  ['a renamed tree', `UPDATE tree SET name = 'u'`, ['names 600']],
  ['two exchanged records', swap, ['changed 10', 'changed 20', 'chain 256']],
  ['a deleted record', 'DELETE FROM record WHERE position = 300', ['missing 300']],
  ['a deleted end', 'DELETE FROM record WHERE position > 598', ['missing 599', 'missing 600']],
  ['a record beyond the head', `INSERT INTO record SELECT 700, data FROM record LIMIT 1`, ['unexpected 700']],
  [
    'a body exchanged with its digest',
    `UPDATE record SET data = ${dataWith('length(data) - 3', '01020304')} WHERE position = 2`,
    ['changed 2', 'chain 256'],
  ],
  ['a lost entry of the index', 'DELETE FROM record_id WHERE counter = 7', ['index 600']],
  ['an entry that points elsewhere', 'UPDATE record_id SET position = 9 WHERE counter = 7', ['index 600']],
  ['a lost link of the chain', 'DELETE FROM chain WHERE position = 512', ['chain 512']],
])('verify names %s', async (_, sql, expected) => {
  const { verifyWorkspace } = await tampered(sql);
  const report = await verifyWorkspace(ws);
  expect(report?.problems.map(({ kind, position }) => `${kind} ${position}`)).toEqual(expected);
});

test.each([
  ['a changed body', `UPDATE record SET data = ${dataWith('length(data) - 4', '23')} WHERE position = 301`],
  ['a changed length', `UPDATE record SET data = ${dataWith('2', '02')} WHERE position = 600`],
  ['a cut column', 'UPDATE record SET data = substr(data, 1, 6) WHERE position = 3'],
  ['a renamed tree', `UPDATE tree SET name = 'u'`],
  ['two exchanged records', swap],
  ['a changed head', 'UPDATE head SET epoch = 7'],
  ['a deleted record', 'DELETE FROM record WHERE position = 300'],
  ['a lost record of the index', `DELETE FROM record WHERE position = 600`],
])('reading all meets %s as corrupt, never as other data', async (_, sql) => {
  const { ops } = await tampered(sql);
  expect((await failureOf(readAllPages(ops))).code).toBe('corrupt');
});

test('verify of what is not there says so', async () => {
  expect(await openStores().verifyWorkspace(ws)).toBeUndefined();
});
