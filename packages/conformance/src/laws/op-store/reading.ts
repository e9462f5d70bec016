import type { Cursor, OpStore, PeerId, ReadQuery, StateVector, StoredRecord, TreeId, VectorQuery, WorkspaceId } from '@spacestore/core';
import { eachItem } from '@spacestore/core';
import { LawBroken } from '../../check/broken.ts';

/** A whole query, with the pages it came in. */
export interface WholeRead {
  readonly records: readonly StoredRecord[];
  readonly through: Cursor | undefined;
  readonly pages: readonly (readonly StoredRecord[])[];
}

/** Reads every page of a query. Throws if the pages don't end, or don't agree about their bound. */
export async function readAll(store: OpStore, workspace: WorkspaceId, query: Partial<ReadQuery> = {}): Promise<WholeRead> {
  const records: StoredRecord[] = [];
  const pages: (readonly StoredRecord[])[] = [];
  let through: Cursor | undefined;
  let next: ReadQuery | undefined = { limit: 500, ...query };
  while (next !== undefined) {
    const page: Awaited<ReturnType<OpStore['read']>> = await store.read(workspace, next);
    if (pages.length > 0 && page.through !== through)
      throw new LawBroken(`through changed from ${through} to ${page.through} between the pages of one query`);
    through = page.through;
    pages.push(page.records);
    records.push(...page.records);
    if (page.next !== undefined && page.records.length === 0 && pages.length > 1000)
      throw new LawBroken('a query gives empty pages without end');
    if (pages.length > 100_000) throw new LawBroken('a query gives pages without end');
    next = page.next;
  }
  return { records, through, pages };
}

/** Reads every page of a vector and joins them. */
export async function wholeVector(store: OpStore, workspace: WorkspaceId, query: Partial<VectorQuery> = {}): Promise<StateVector> {
  const whole = new Map<TreeId, Map<PeerId, (readonly [number, number])[]>>();
  let next: VectorQuery | undefined = { limit: 500, ...query };
  for (let pages = 0; next !== undefined; pages++) {
    if (pages > 100_000) throw new LawBroken('a vector gives pages without end');
    const page: Awaited<ReturnType<OpStore['vector']>> = await store.vector(workspace, next);
    for (const [tree, peers] of page.vector) {
      const known = whole.get(tree) ?? new Map<PeerId, (readonly [number, number])[]>();
      whole.set(tree, known);
      for (const [peer, ranges] of peers) known.set(peer, [...(known.get(peer) ?? []), ...ranges]);
    }
    next = page.next;
  }
  return whole;
}

/** Every workspace of a store, page by page. */
export async function allWorkspaces(store: OpStore, limit = 100): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const id of eachItem((query) => store.workspaces(query), limit)) ids.push(id);
  return ids;
}
