import { type OpRecord, type Outbox, type QuarantinedRecord, type RecordId, StoreError, type WorkspaceId } from '@spacestore/core';
import { type BatchLimits, split } from './outbox-writer.ts';

/** What a server refused, in the app's hands: nothing of it goes by itself. */
export interface Quarantine {
  readonly list: () => Promise<readonly QuarantinedRecord[]>;
  /** Queues the records anew. */
  readonly retry: (ids: readonly RecordId[]) => Promise<void>;
  /** Forgets the records. */
  readonly discard: (ids: readonly RecordId[]) => Promise<void>;
  /** All of it as JSON lines of `{ tree, peer, counter, body (base64), code, at }`. */
  readonly export: () => Promise<string>;
}

export function quarantineOf(
  outbox: Outbox,
  workspace: WorkspaceId,
  limits: () => BatchLimits,
  onRelease: () => Promise<void>,
): Quarantine {
  const release = async (ids: readonly RecordId[], how: 'retry' | 'discard'): Promise<void> => {
    if (!Array.isArray(ids)) throw new StoreError('invalid', 'name the records by their ids');
    const named = new Set(ids.map(keyOf));
    const records = (await outbox.quarantine(workspace)).map(({ record }) => record).filter((record) => named.has(keyOf(record)));
    // Each part becomes one batch, and has to fit into a frame.
    for (const part of split(records, limits())) await outbox.release(workspace, part, how);
    await onRelease();
  };
  return {
    list: () => outbox.quarantine(workspace),
    retry: (ids) => release(ids, 'retry'),
    discard: (ids) => release(ids, 'discard'),
    export: async () => (await outbox.quarantine(workspace)).map((each) => `${JSON.stringify(lineOf(each))}\n`).join(''),
  };
}

function lineOf({ record, code, at }: QuarantinedRecord) {
  const { tree, peer, counter } = record;
  return { tree, peer, counter, body: base64(record), code, at };
}

/** No id holds a slash. */
function keyOf({ tree, peer, counter }: RecordId): string {
  return `${tree}/${peer}/${counter}`;
}

function base64({ body }: OpRecord): string {
  let text = '';
  for (const byte of body) text += String.fromCharCode(byte);
  return btoa(text);
}
