import { join } from 'node:path';
import { StoreError } from '@spacestore/core';
import { expect, test } from 'vitest';
import { libsqlEngine } from '../src/driver.ts';
import { storeError } from '../src/errors.ts';
import { failureOf, newDir, op, openStores, ws } from './kit.ts';

const thrown = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return expect.unreachable();
};

test('what libsql throws keeps its code', () => {
  const dir = newDir();
  const engine = libsqlEngine();
  const codeOf = (work: () => unknown): unknown => {
    const { code, context } = storeError(thrown(work));
    return [code, context.engine];
  };
  expect(codeOf(() => engine.open(join(dir, 'none', 'x.db'), 'create'))).toEqual(['unavailable', 'SQLITE_CANTOPEN']);
  const [one, two] = [engine.open(join(dir, 'x.db'), 'create'), engine.open(join(dir, 'x.db'), 'existing')];
  one.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a INTEGER PRIMARY KEY)');
  one.exec('BEGIN IMMEDIATE');
  expect(codeOf(() => two.run('BEGIN IMMEDIATE', []))).toEqual(['busy', 'SQLITE_BUSY']);
  one.exec('COMMIT');
  expect(codeOf(() => one.rows('SELECT x FROM t', []))).toEqual(['internal', 'SQLITE_ERROR']);
  one.exec('PRAGMA max_page_count = 1');
  expect(codeOf(() => one.exec('CREATE TABLE u (a); CREATE TABLE v (a); CREATE TABLE w (a)'))).toEqual(['unavailable', 'SQLITE_FULL']);
  one.close();
  two.close();
});

test.each([
  [{ code: 'SQLITE_IOERR_FSYNC', rawCode: 1034 }, 'unavailable'],
  [{ code: 'UNKNOWN_SQLITE_ERROR_1034', rawCode: 1034 }, 'unavailable'],
  [{ code: '', rawCode: 267 }, 'corrupt'],
  [{ code: '', rawCode: 26 }, 'corrupt'],
  [{ message: 'something else' }, 'internal'],
  [null, 'internal'],
])('%j is %s', (error, code) => {
  expect(storeError(error).code).toBe(code);
});

test('an error of ours stays as it is', () => {
  const error = new StoreError('busy', 'x');
  expect(storeError(error)).toBe(error);
});

test('another writer that stays is busy, and nothing of the call is left', async () => {
  const dir = newDir();
  const { ops } = openStores(dir, { busyTimeoutMs: 1 });
  await ops.append(ws, [op('a', 1)]);
  const other = libsqlEngine().open(join(dir, 'workspace-w.db'), 'existing');
  other.exec('BEGIN IMMEDIATE');
  expect((await failureOf(ops.append(ws, [op('b', 1)]))).code).toBe('busy');
  other.exec('COMMIT');
  other.close();
  expect((await ops.append(ws, [op('b', 1)])).added).toBe(1);
});
