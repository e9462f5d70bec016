import {
  type OpRecord,
  type OpStore,
  parsePeerId,
  parseTreeId,
  parseWorkspaceId,
  type ReadQuery,
  type StoredRecord,
  StoreError,
  type WorkspaceId,
} from '@spacestore/core';

export const ws: WorkspaceId = parseWorkspaceId('w');

/** A record whose body is a text. */
export function op(peer: string, counter: number, body = `${peer}${counter}`, tree = 't'): OpRecord {
  return { tree: parseTreeId(tree), peer: parsePeerId(peer), counter, body: new TextEncoder().encode(body) };
}

/** `t/p:3` for each record. */
export function namesOf(records: readonly OpRecord[]): readonly string[] {
  return records.map(({ tree, peer, counter }) => `${tree}/${peer}:${counter}`);
}

/** All pages of a query. */
export async function readAllPages(store: OpStore, query: ReadQuery, workspace = ws): Promise<readonly StoredRecord[]> {
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
    if (error instanceof StoreError) return error;
    throw error;
  }
  throw new Error('it resolved');
}

/** A clock that stands until told. */
export function standingClock(start = 1000): { now: () => number; set: (time: number) => void } {
  let time = start;
  return {
    now: () => time,
    set: (next) => {
      time = next;
    },
  };
}
