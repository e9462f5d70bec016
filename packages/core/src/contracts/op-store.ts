import type { CallOptions } from '../call.ts';
import type { PeerId, TreeId, UserId, WorkspaceId } from '../ids.ts';
import type { Cursor, Fork } from '../log/cursor.ts';
import type { ListQuery, Page } from '../paging.ts';
import type { StateVector } from '../state-vector.ts';
import type { ByteSource } from './blob-store.ts';

/** One operation as bytes under an id. `(tree, peer, counter)` is the id; what the bytes mean is the codec's matter. */
export interface OpRecord {
  readonly tree: TreeId;
  readonly peer: PeerId;
  /** Integer from 0 to 2^53 − 1. */
  readonly counter: number;
  readonly body: Uint8Array;
}

/** A record in the log. `position` is its place in commit order: 1, 2, 3, … */
export interface StoredRecord extends OpRecord {
  readonly position: number;
  /** Milliseconds since 1970 when it was committed here; never decreases along the log. */
  readonly receivedAt: number;
  /** Who handed it in, where the caller said. */
  readonly via?: UserId;
}

export interface AppendOptions {
  /** Refuse as `denied` if the log was fenced higher, as `not_found` if there is no log. */
  readonly ifEpoch?: number;
  readonly via?: UserId;
  /** For import and restore: stored as `max(receivedAt, last)`. One per call. */
  readonly receivedAt?: number;
}

export interface DropOptions {
  /** Refuse as `denied` if the log was fenced higher. */
  readonly ifEpoch?: number;
}

export interface AppendResult {
  /** Records that were not there before. They took the positions `committedAt - added + 1 … committedAt`, in the order of the call, if none was a duplicate. */
  readonly added: number;
  /** Position of the call's last record; not a resume point, since others' records may lie between. 0 for an empty append to nothing. */
  readonly committedAt: number;
  /** Cursor of the head after the commit group this call was part of; undefined only for an empty append to an unknown workspace. */
  readonly through: Cursor | undefined;
}

/** What a workspace's log is now. One row, updated in the writing transaction. */
export interface Head {
  /** Random id of this history; a restore or a re-creation makes a new one. */
  readonly incarnation: string;
  /** Histories this one continues, newest first. */
  readonly lineage: readonly Fork[];
  readonly position: number;
  /** The cursor at `position`. */
  readonly cursor: Cursor;
  readonly epoch: number;
  readonly records: number;
  /** Sum of body lengths. */
  readonly bytes: number;
  /** Highest counter stored, −1 if none. */
  readonly maxCounter: number;
}

/** All conditions hold together. */
export interface ReadQuery {
  /** Only records after this place. */
  readonly after?: Cursor;
  /** Only records up to this place; the head at the time of the call if absent. */
  readonly through?: Cursor;
  /** Only these trees. */
  readonly trees?: readonly TreeId[];
  /** Only records this vector does not contain. */
  readonly missing?: StateVector;
  /** Only records with `receivedAt` in [receivedFrom, receivedBefore). */
  readonly receivedFrom?: number;
  readonly receivedBefore?: number;
  /** Records a page, at least 1. */
  readonly limit: number;
  /** Body bytes a page: the page ends before it would exceed them, but holds at least one record. */
  readonly limitBytes?: number;
}

export interface ReadPage {
  /** In position order. Fresh objects: the caller may keep or change them. */
  readonly records: readonly StoredRecord[];
  /** The query that continues exactly this one; absent when it is exhausted. */
  readonly next?: ReadQuery;
  /** The bound of the query, the same on all of its pages: a resume cursor for the trees asked. Undefined for an unknown workspace. */
  readonly through: Cursor | undefined;
}

export interface VectorQuery {
  readonly trees?: readonly TreeId[];
  readonly through?: Cursor;
  /** Opaque place given by `next`. */
  readonly after?: string;
  /** Ranges a page, at least 1. */
  readonly limit: number;
}

export interface VectorPage {
  /** Ordered by tree, then peer; a peer whose ranges are cut by a page goes on in the next, and the union of all pages is the vector. */
  readonly vector: StateVector;
  readonly next?: VectorQuery;
  readonly through: Cursor | undefined;
}

/** What a store promises beyond the laws that bind all. Each gates a group of laws; a claim is tested, and so is its absence. */
export interface OpStoreCapabilities {
  /** What an acknowledged append survives: nothing, the death of the process, a power cut. Gates OP-36 to OP-40. */
  readonly durable: 'none' | 'process' | 'power';
  /** Two handles of one process on the same place see each other's commits. Gates OP-16, OP-30 across handles. */
  readonly multiHandle: boolean;
  /** Two processes may write one place. Gates OP-31. */
  readonly multiProcess: boolean;
  /** A changed byte at rest is an error, never other data. Gates OP-41. */
  readonly integrity: boolean;
  /** Dropped data is gone from the raw bytes. Gates the scan of OP-44. */
  readonly secureDelete: boolean;
  /** `fence` and `ifEpoch` work. Gates OP-54. Without it both throw `unsupported`. */
  readonly fence: boolean;
  /** `via` is kept. */
  readonly via: boolean;
  /** `receivedAt` of an append is honoured. */
  readonly receivedAt: boolean;
  /** `snapshot` and `restore` work. Gates OP-58. Without it both throw `unsupported`. */
  readonly snapshot: boolean;
  /** Largest body in bytes; one more byte is `too_large`. */
  readonly maxBodyBytes: number;
  /** Most records in one append; one more is `too_large`. */
  readonly maxCallRecords: number;
}

/** A workspace's append-only log of records: a grow-only set with a commit order.
 *  Source: grow-only set, Shapiro et al. 2011, "A comprehensive study of CRDTs". */
export interface OpStore {
  readonly contractVersion: 1;
  readonly capabilities: OpStoreCapabilities;

  /** Adds records to a workspace's log; those already there, byte for byte, stay as they are and are not counted.
   *  Law: all or nothing, across trees; as sets append(a) then append(b) = append(b) then append(a) = append(a ∪ b).
   *  Durable when it resolves, as far as `durable` says. An empty append creates nothing. Arguments are neither changed nor kept.
   *  Throws: invalid, equivocation (context.ids names the records), denied, not_found (only with ifEpoch), too_large, aborted, busy, unavailable, closed. */
  readonly append: (
    workspace: WorkspaceId,
    records: readonly OpRecord[],
    options?: AppendOptions,
    call?: CallOptions,
  ) => Promise<AppendResult>;

  /** One page of the records a query names, in position order, from one snapshot.
   *  Law: the pages of a query concatenate to exactly the records it names among those at or before `through`; a cursor handed out never gains a record at or before it.
   *  An unknown workspace reads as empty and is not created.
   *  Throws: invalid, stale_cursor (context.lineage, context.head: a cursor of another history), aborted, corrupt, unavailable, closed. */
  readonly read: (workspace: WorkspaceId, query: ReadQuery, call?: CallOptions) => Promise<ReadPage>;

  /** One page of the ranges of counters stored, gaps and all.
   *  Law: exact; ranges are inclusive, sorted and maximal (touching ones are merged) within the union of pages; nothing empty. */
  readonly vector: (workspace: WorkspaceId, query: VectorQuery, call?: CallOptions) => Promise<VectorPage>;

  /** Ids of the trees with records, in byte order. */
  readonly trees: (workspace: WorkspaceId, query: ListQuery, call?: CallOptions) => Promise<Page<TreeId>>;

  /** Ids of the workspaces that have a log, in byte order. */
  readonly workspaces: (query: ListQuery, call?: CallOptions) => Promise<Page<WorkspaceId>>;

  /** The head, or undefined for an unknown workspace. */
  readonly head: (workspace: WorkspaceId, call?: CallOptions) => Promise<Head | undefined>;

  /** Raises the epoch to at least `epoch`, creating the log if absent; never lowers it. Resolves with the epoch that holds now.
   *  Law: after it resolves no append with a lower `ifEpoch` commits. */
  readonly fence: (workspace: WorkspaceId, epoch: number, call?: CallOptions) => Promise<number>;

  /** The workspace as bytes, a consistent state of one moment, while writes go on. Undefined for an unknown workspace. */
  readonly snapshot: (workspace: WorkspaceId, call?: CallOptions) => Promise<ByteSource | undefined>;

  /** Replaces the workspace by a snapshot, under a new incarnation whose lineage begins with the snapshot's history; the epoch is the higher of both.
   *  Law: all or nothing, also over a crash. A cursor of the snapshot's history at or before its end stays good; a later one is `stale_cursor`.
   *  Throws: corrupt (not a whole snapshot), invalid (of another workspace), too_large, unavailable. */
  readonly restore: (workspace: WorkspaceId, snapshot: ByteSource, call?: CallOptions) => Promise<Head>;

  /** Removes the log; one that is not there is fine. With `ifEpoch` one that was fenced higher stays as it is: a drop that comes late, after the
   *  workspace was made again and fenced under its new epoch, takes nothing away. Law: atomic; others stay as they are. Throws: denied, unsupported. */
  readonly drop: (workspace: WorkspaceId, options?: DropOptions, call?: CallOptions) => Promise<void>;

  /** Waits for the work accepted so far, then refuses more as `closed`. Calling it again is fine. */
  readonly close: () => Promise<void>;
}
