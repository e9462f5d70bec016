import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { initialise, migrate, type Schema } from '../../core/src/sql/migrate.ts';
import { betterSqlite } from '../src/driver.ts';
import { newDir } from './kit.ts';

const first: Schema = { name: 'test', applicationId: 77, steps: ['CREATE TABLE a (x); INSERT INTO a VALUES (1)'] };
const second: Schema = { ...first, steps: [...first.steps, 'ALTER TABLE a ADD COLUMN y DEFAULT 2'] };

function openFile(path: string) {
  const handle = betterSqlite.open(path, 'create');
  onTestFinished(() => handle.close());
  return handle;
}

test('an older file is lifted step by step and keeps its rows; a newer one is left alone', () => {
  const path = join(newDir(), 'file.db');
  const handle = openFile(path);
  initialise(handle, first);
  migrate(handle, second);
  migrate(openFile(path), second);
  expect(handle.rows('SELECT x, y FROM a', [])).toEqual([[1, 2]]);
  expect(() => migrate(handle, first)).toThrow(/newer release/);
  expect(() => migrate(handle, { ...second, applicationId: 78 })).toThrow(/not a test file/);
});

test('a step that fails leaves the file as it was', () => {
  const handle = openFile(join(newDir(), 'file.db'));
  initialise(handle, first);
  const broken: Schema = { ...first, steps: [...first.steps, 'UPDATE a SET x = 9; INSERT INTO nowhere VALUES (1)'] };
  expect(() => migrate(handle, broken)).toThrow(/nowhere/);
  expect(handle.rows('SELECT x FROM a', [])).toEqual([[1]]);
  migrate(handle, first);
});
