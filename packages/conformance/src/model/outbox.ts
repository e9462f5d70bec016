import type { OpRecord, RecordId, StoreErrorCode, WorkspaceId } from '@spacestore/core';

/** What an outbox is, for one workspace: batches without a verdict, refused records, named values, and the last number used. */
export interface BoxModel {
  readonly batches: readonly { readonly batch: number; readonly records: readonly OpRecord[] }[];
  readonly quarantine: readonly { readonly record: OpRecord; readonly code: StoreErrorCode }[];
  readonly state: ReadonlyMap<string, string>;
  /** Every number up to it is used: given away once, for ever. */
  readonly last: number;
}

export type OutboxModel = Map<WorkspaceId, BoxModel>;

export const emptyBox: BoxModel = { batches: [], quarantine: [], state: new Map(), last: 0 };

/** No id holds a slash. */
export const keyOfRecord = ({ tree, peer, counter }: RecordId): string => `${tree}/${peer}/${counter}`;

/** A batch with a number the store chose; it must be one that was never used. */
export function addTo(box: BoxModel, batch: number, records: readonly OpRecord[]): BoxModel {
  return { ...box, batches: [...box.batches, { batch, records }], last: batch };
}

export function acknowledge(box: BoxModel, batch: number): BoxModel {
  return { ...box, batches: box.batches.filter((each) => each.batch !== batch) };
}

/** Quarantines the named records of a batch (all, if none of them is in it) and tells what must come back as a new batch. */
export function refuse(
  box: BoxModel,
  batch: number,
  code: StoreErrorCode,
  ids: readonly RecordId[],
): { readonly box: BoxModel; readonly rest: readonly OpRecord[] } {
  const records = box.batches.find((each) => each.batch === batch)?.records;
  if (records === undefined) return { box, rest: [] };
  const named = new Set(ids.map(keyOfRecord));
  const guilty = records.filter((record) => named.has(keyOfRecord(record)));
  const refused = guilty.length > 0 ? guilty : records;
  const quarantine = [...box.quarantine, ...refused.map((record) => ({ record, code }))];
  return { box: { ...acknowledge(box, batch), quarantine }, rest: records.filter((record) => !refused.includes(record)) };
}

/** Takes records out of quarantine and tells which. */
export function releaseFrom(box: BoxModel, ids: readonly RecordId[]): { readonly box: BoxModel; readonly released: readonly OpRecord[] } {
  const named = new Set(ids.map(keyOfRecord));
  const released = box.quarantine.filter(({ record }) => named.has(keyOfRecord(record)));
  return {
    box: { ...box, quarantine: box.quarantine.filter((each) => !released.includes(each)) },
    released: released.map(({ record }) => record),
  };
}
