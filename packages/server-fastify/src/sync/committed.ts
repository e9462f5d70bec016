import { type AppendResult, type Cursor, decodeCursor, type OpRecord } from '@spacestore/core';
import type { FedGroup, GroupEntry } from '@spacestore/core/sync';
import type { Handed } from './handed.ts';

/** An append of this process that was committed and not yet told. */
export interface Committed {
  readonly records: readonly OpRecord[];
  readonly result: AppendResult;
  readonly handed: Handed | undefined;
}

/** What a turn committed, as far as it can be told from memory: `nothing` is new, one `group`, or there is more in the log than is at hand. */
export type Told = { readonly kind: 'nothing' } | { readonly kind: 'group'; readonly group: FedGroup } | { readonly kind: 'gap' };

/** Puts a turn's appends in the order of positions and checks that they continue exactly what was told last. */
export function groupOf(committed: readonly Committed[], after: number): Told {
  const fresh = committed.filter(({ result }) => result.added > 0 && result.committedAt > after);
  if (fresh.length === 0) return { kind: 'nothing' };
  fresh.sort((a, b) => a.result.committedAt - b.result.committedAt);
  const entries: GroupEntry[] = [];
  let position = after;
  let bytes = 0;
  let cursor: Cursor | undefined;
  for (const { records, result, handed } of fresh) {
    if (result.added !== records.length || result.committedAt - result.added !== position) return { kind: 'gap' };
    entries.push({ firstPosition: position + 1, records, block: handed?.block, author: handed?.connection });
    position = result.committedAt;
    bytes += handed?.block.length ?? sizeOf(records);
    cursor = result.through;
  }
  // A head beyond the last of these records: another handle's commit lies between.
  if (cursor === undefined || decodeCursor(cursor).position !== position) return { kind: 'gap' };
  return { kind: 'group', group: { position, cursor, bytes, entries, frames: new Map() } };
}

export function sizeOf(records: readonly OpRecord[]): number {
  let sum = 0;
  for (const { body, tree, peer } of records) sum += body.length + tree.length + peer.length + 16;
  return sum;
}
