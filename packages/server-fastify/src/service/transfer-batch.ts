import { hasCode, type OpRecord, type StoreError } from '@spacestore/core';
import type { Grant } from './grant.ts';
import type { Operations } from './operations.ts';

export interface NumberedRecord {
  readonly line: number;
  readonly record: OpRecord;
}

export interface BatchResult {
  readonly grant: Grant;
  readonly added: number;
  readonly duplicates: number;
  /** Lines that were left out, each with what was wrong with it. */
  readonly refused: readonly { readonly item: NumberedRecord; readonly error: StoreError }[];
}

export function recordKey({ tree, peer, counter }: { readonly tree: string; readonly peer: string; readonly counter: number }): string {
  return `${tree}/${peer}/${counter}`;
}

/** Appends what can be appended: when the store names records it refuses, those are left out and the rest goes again.
 *  Throws: any refusal that names no records of the batch. */
export async function appendWhatFits(
  operations: Operations,
  grant: Grant,
  items: readonly NumberedRecord[],
  signal: AbortSignal,
): Promise<BatchResult> {
  const refused: { item: NumberedRecord; error: StoreError }[] = [];
  let rest = items;
  while (rest.length > 0) {
    try {
      const appended = await operations.append(
        grant,
        rest.map(({ record }) => record),
        { as: 'import' },
        { signal },
      );
      return { grant: appended.grant, added: appended.added, duplicates: rest.length - appended.added, refused };
    } catch (error) {
      if (!hasCode(error, 'equivocation', 'invalid', 'too_large') || !Array.isArray(error.context.ids)) throw error;
      const named = new Set((error.context.ids as Parameters<typeof recordKey>[0][]).map(recordKey));
      const left = rest.filter(({ record }) => !named.has(recordKey(record)));
      if (left.length === rest.length) throw error;
      for (const item of rest) if (named.has(recordKey(item.record))) refused.push({ item, error });
      rest = left;
    }
  }
  return { grant, added: 0, duplicates: 0, refused };
}
