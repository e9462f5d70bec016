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

/** Puts a turn's appends in the order of positions and checks that they continue exactly what was told last. Positions of another history
 *  (a restore that nobody told of) may go on alike, and continue nothing. */
export function groupOf(committed: readonly Committed[], after: number, cursor: Cursor | null): Told {
  // Calls of one commit group end at one place.
  const ends = new Set(committed.map(({ result }) => result.through));
  for (const end of ends) if (!isSameHistory(cursor, end)) return { kind: 'gap' };
  const fresh = committed.filter(({ result }) => result.added > 0 && result.committedAt > after);
  if (fresh.length === 0) return { kind: 'nothing' };
  fresh.sort((a, b) => a.result.committedAt - b.result.committedAt);
  const entries: GroupEntry[] = [];
  let position = after;
  let bytes = 0;
  let through: Cursor | undefined;
  for (const { records, result, handed } of fresh) {
    if (result.added !== records.length || result.committedAt - result.added !== position) return { kind: 'gap' };
    entries.push({ firstPosition: position + 1, records, block: handed?.block, author: handed?.connection });
    position = result.committedAt;
    bytes += handed?.block.length ?? sizeOf(records);
    through = result.through;
  }
  // A head beyond the last of these records: another handle's commit lies between.
  if (through === undefined || decodeCursor(through).position !== position) return { kind: 'gap' };
  return { kind: 'group', group: { position, cursor: through, bytes, entries, frames: new Map() } };
}

function isSameHistory(told: Cursor | null, through: Cursor | undefined): boolean {
  return told === null || through === undefined || decodeCursor(told).incarnation === decodeCursor(through).incarnation;
}

export function sizeOf(records: readonly OpRecord[]): number {
  let sum = 0;
  for (const { body, tree, peer } of records) sum += body.length + tree.length + peer.length + 16;
  return sum;
}
