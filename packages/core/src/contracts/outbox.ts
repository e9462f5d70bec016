import type { CallOptions } from '../call.ts';
import type { StoreErrorCode } from '../errors.ts';
import type { PeerId, TreeId, WorkspaceId } from '../ids.ts';
import type { OpRecord } from './op-store.ts';

/** Records that travel together and get one verdict. Numbers rise per workspace and are never used twice, also over a restart. */
export interface OutboxBatch {
  readonly batch: number;
  readonly records: readonly OpRecord[];
}

export interface RecordId {
  readonly tree: TreeId;
  readonly peer: PeerId;
  readonly counter: number;
}

export interface QuarantinedRecord {
  readonly record: OpRecord;
  readonly code: StoreErrorCode;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What a server said of a batch. A refusal quarantines the named records and puts the rest of the batch back as a new one, in one step. */
export type OutboxVerdict =
  | { readonly kind: 'acknowledged' }
  | { readonly kind: 'refused'; readonly code: StoreErrorCode; readonly ids: readonly RecordId[] };

/** What a client has not yet been told is safe, and where it stands. Durable as its store is: what `add` resolved for survives a restart. */
export interface Outbox {
  /** Keeps records until a verdict. Resolves when they are durable. One call is one batch, sent in the order added. */
  readonly add: (workspace: WorkspaceId, records: readonly OpRecord[], call?: CallOptions) => Promise<OutboxBatch>;
  /** Applies a verdict; one for a batch that is gone is fine. */
  readonly verdict: (workspace: WorkspaceId, batch: number, verdict: OutboxVerdict, call?: CallOptions) => Promise<void>;
  /** Batches without a verdict, in order, from after a number on. */
  readonly pending: (workspace: WorkspaceId, after: number, limit: number, call?: CallOptions) => Promise<readonly OutboxBatch[]>;
  /** Counts, without reading bodies. */
  readonly counts: (
    workspace: WorkspaceId,
    call?: CallOptions,
  ) => Promise<{ readonly batches: number; readonly records: number; readonly quarantined: number }>;
  readonly quarantine: (workspace: WorkspaceId, call?: CallOptions) => Promise<readonly QuarantinedRecord[]>;
  /** Takes records out of quarantine: `retry` queues them as a new batch, `discard` forgets them. */
  readonly release: (workspace: WorkspaceId, ids: readonly RecordId[], how: 'retry' | 'discard', call?: CallOptions) => Promise<void>;
  /** Small named values of the client (cursors, its peer ids); undefined if never set. */
  readonly state: (workspace: WorkspaceId, name: string, call?: CallOptions) => Promise<string | undefined>;
  readonly setState: (workspace: WorkspaceId, name: string, value: string | undefined, call?: CallOptions) => Promise<void>;
  readonly close: () => Promise<void>;
}
