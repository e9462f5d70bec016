import { type Cursor, decodeCursor, type OpRecord, type ReadPage, type ReadQuery, StoreError } from '@spacestore/core';
import type { FedGroup, GroupEntry } from '@spacestore/core/sync';
import { sizeOf } from './committed.ts';
import type { Handed } from './handed.ts';

/** More than so many records are not told as they came: readers pull them. */
const maxRecords = 5000;
const pageRecords = 1000;

/** What lies in the log behind a place: as groups, or only where it ends if that is too much to tell. */
export type Behind =
  | { readonly kind: 'groups'; readonly groups: readonly FedGroup[] }
  | { readonly kind: 'far'; readonly position: number; readonly cursor: Cursor };

/** Reads what the log has behind a place. Records that connections handed in, whether or not this process knows yet that they were
 *  committed, are attributed to them, so that nobody hears their own.
 *  Throws: stale_cursor, if the log is another one; what the store throws. */
export async function readBehind(
  read: (query: ReadQuery) => Promise<ReadPage>,
  after: Cursor | null,
  position: number,
  handedIn: () => Iterable<Handed>,
  maxBytes: number,
): Promise<Behind> {
  const groups: FedGroup[] = [];
  let at = position;
  for (let query: ReadQuery | undefined = first(after, maxBytes); query !== undefined; ) {
    const page: ReadPage = await read(query);
    if (page.through === undefined) break;
    const end = decodeCursor(page.through).position;
    if (end - position > maxRecords) return { kind: 'far', position: end, cursor: page.through };
    const last = page.records.at(-1);
    if (last !== undefined) {
      if (page.records[0]?.position !== at + 1 || last.position !== at + page.records.length)
        throw new StoreError('corrupt', 'the log has a hole', { context: { after: at } });
      const cursor: Cursor = page.next?.after ?? page.through;
      groups.push({
        position: last.position,
        cursor,
        bytes: sizeOf(page.records),
        entries: entriesOf(page.records, at, authorsOf(handedIn())),
        frames: new Map(),
      });
      at = last.position;
    }
    query = page.next;
  }
  return { kind: 'groups', groups };
}

function first(after: Cursor | null, maxBytes: number): ReadQuery {
  return { ...(after !== null && { after }), limit: pageRecords, limitBytes: maxBytes };
}

function authorsOf(handedIn: Iterable<Handed>): ReadonlyMap<string, string> {
  const authors = new Map<string, string>();
  for (const { connection, records } of handedIn) for (const record of records) authors.set(keyOf(record), connection);
  return authors;
}

function keyOf({ tree, peer, counter }: OpRecord): string {
  return `${tree}/${peer}/${counter}`;
}

/** Neighbours of one author stand together. */
function entriesOf(records: readonly OpRecord[], after: number, authors: ReadonlyMap<string, string>): readonly GroupEntry[] {
  const entries: GroupEntry[] = [];
  let from = 0;
  for (let i = 1; i <= records.length; i++) {
    const author = authors.get(keyOf(records[from] as OpRecord));
    if (i < records.length && authors.get(keyOf(records[i] as OpRecord)) === author) continue;
    entries.push({ firstPosition: after + 1 + from, records: records.slice(from, i), block: undefined, author });
    from = i;
  }
  return entries;
}
