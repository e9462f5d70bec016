import type { BlobKey, FileEntry, FileIndex, FileState, WorkspaceId } from '@spacestore/core';
import { same } from '../../check/expect.ts';
import { contentOf, keyOfContent, mutableKey } from '../../gen/blob-store.ts';

/** The k-th file: static ones and mutable ones, with keys that are neighbours. */
export const fileKey = (k: number): BlobKey => (k % 2 === 0 ? keyOfContent(contentOf(k, 10 + k)) : mutableKey(k));

const states: readonly FileState[] = ['pending', 'ready', 'deleting'];

/** A file of one case alone: cases of a law share a workspace, since making one costs an engine more than what is tried in it. */
export const keyOfCase = (name: string): BlobKey => keyOfContent(new TextEncoder().encode(name));

/** An entry made of small numbers, with names that careless stores cut or fold. */
export function entryOf(key: BlobKey, n: number): FileEntry {
  const names = [undefined, 'a', 'A', 'ä', 'ä', ' a', "a';--", 'a\u0001b', '%', 'x'.repeat(1024)];
  const name = names[n % names.length];
  return {
    key,
    sizeBytes: n % 3 === 0 ? 0 : n * 1_000_003,
    createdAt: n % 5 === 0 ? 0 : 1_700_000_000_000 + n,
    state: states[n % states.length] as FileState,
    ...(name !== undefined && { name }),
    ...(n % 4 !== 0 && { mimeType: `text/${n}` }),
  };
}

/** An entry in one line; its fields come in one order, whoever made it. */
export const entryWords = (entry: FileEntry | undefined): string =>
  entry === undefined
    ? 'none'
    : JSON.stringify([entry.key, entry.state, entry.sizeBytes, entry.createdAt, entry.name ?? null, entry.mimeType ?? null]);

/** Throws unless the index has exactly these entries, by key, by page, by kind and by state. */
export async function expectEntries(
  store: FileIndex,
  workspace: WorkspaceId,
  wanted: ReadonlyMap<BlobKey, FileEntry>,
  what: string,
): Promise<void> {
  const sorted = [...wanted.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const entry of sorted) same(entryWords(await store.get(workspace, entry.key)), entryWords(entry), `${what}: get`);
  const filters = [{}, { kind: 'static' as const }, { kind: 'var' as const }, ...states.map((state) => ({ state }))];
  for (const filter of filters)
    for (const limit of [1, 2, 100]) {
      const found: FileEntry[] = [];
      for (let after: string | undefined = ''; after !== undefined; ) {
        const page: Awaited<ReturnType<FileIndex['list']>> = await store.list(workspace, { ...filter, limit, ...(after && { after }) });
        found.push(...page.items);
        after = page.next?.after;
      }
      const expected = sorted.filter(
        ({ key, state }) => (!('kind' in filter) || key.startsWith(`${filter.kind}/`)) && (!('state' in filter) || state === filter.state),
      );
      same(found.map(entryWords), expected.map(entryWords), `${what}: list ${JSON.stringify(filter)} by ${limit}`);
    }
}
