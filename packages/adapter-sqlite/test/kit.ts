import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  isStoreError,
  type OpRecord,
  type OpStore,
  parsePeerId,
  parseTreeId,
  parseWorkspaceId,
  type ReadQuery,
  type StoredRecord,
  type StoreError,
  type WorkspaceId,
} from '@spacestore/core';
import { onTestFinished } from 'vitest';
import { type SqliteOptions, type SqliteStores, sqliteStores } from '../src/index.ts';

export const ws: WorkspaceId = parseWorkspaceId('w');

/** A folder that goes with the test. */
export function newDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'spacestore-sqlite-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Stores that are closed with the test. */
export function openStores(dir: string = newDir(), options: Omit<SqliteOptions, 'dir'> = {}): SqliteStores {
  const stores = sqliteStores({ dir, ...options });
  onTestFinished(() => stores.close());
  return stores;
}

/** A record whose body is a text. */
export function op(peer: string, counter: number, body = `${peer}${counter}`, tree = 't'): OpRecord {
  return { tree: parseTreeId(tree), peer: parsePeerId(peer), counter, body: new TextEncoder().encode(body) };
}

/** All pages of a query. */
export async function readAllPages(store: OpStore, query: ReadQuery = { limit: 1000 }, workspace = ws): Promise<readonly StoredRecord[]> {
  const records: StoredRecord[] = [];
  for (let next: ReadQuery | undefined = query; next !== undefined; ) {
    const page = await store.read(workspace, next);
    records.push(...page.records);
    next = page.next;
  }
  return records;
}

/** The error a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<StoreError> {
  try {
    await promise;
  } catch (error) {
    if (isStoreError(error)) return error;
    throw error;
  }
  throw new Error('it resolved');
}
