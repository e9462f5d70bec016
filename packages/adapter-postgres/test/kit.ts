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
import { type PostgresOptions, type PostgresStores, postgresStores } from '../src/index.ts';
import { asAdmin, newDatabase, sharedServer } from './support/server.ts';

export const ws: WorkspaceId = parseWorkspaceId('w');
export const other: WorkspaceId = parseWorkspaceId('x');

/** The address of a database that goes with the test. */
export function newUrl(): Promise<string> {
  return newDatabase(onTestFinished);
}

/** Stores that are closed with the test. */
export function openStores(url: string, options: Omit<PostgresOptions, 'url'> = {}): PostgresStores {
  const stores = postgresStores({ url, ...options });
  onTestFinished(() => stores.close());
  return stores;
}

/** Runs a statement in the database of an address as a superuser, whom row-level security does not bind. Gives rows as arrays. */
export async function sql(url: string, text: string, values: readonly unknown[] = []): Promise<readonly (readonly unknown[])[]> {
  const admin = (await sharedServer()).replace(/\/[^/?]*(\?.*)?$/, `/${url.split('/').at(-1)}`);
  return asAdmin(admin, async (client) => (await client.query<unknown[]>({ text, values: [...values], rowMode: 'array' })).rows);
}

/** A record whose body is a text. */
export function op(peer: string, counter: number, body = `${peer}${counter}`, tree = 't'): OpRecord {
  return { tree: parseTreeId(tree), peer: parsePeerId(peer), counter, body: new TextEncoder().encode(body) };
}

export function ops(peer: string, count: number, first = 0): OpRecord[] {
  return Array.from({ length: count }, (_, i) => op(peer, first + i));
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
