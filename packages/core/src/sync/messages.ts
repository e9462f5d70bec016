import type { CodecName, Role } from '../contracts/directory.ts';
import type { OpRecord } from '../contracts/op-store.ts';
import type { RecordId } from '../contracts/outbox.ts';
import type { StoreErrorCode, StoreErrorContext } from '../errors.ts';
import type { PeerId, TreeId, UserId, WorkspaceId } from '../ids.ts';
import type { Cursor, Fork } from '../log/cursor.ts';

/** The WebSocket subprotocol of version 1. One message is one binary frame. */
export const subprotocol = 'spacestore-sync.v1';

export type Compression = 'zstd' | 'deflate';

/** A workspace's number on the wire: server-wide, so that one encoded frame serves every reader. Void with the connection. */
export type WireWorkspace = number;

/** What the server enforces, told in WELCOME so that a client can keep within it. */
export interface WireLimits {
  readonly maxFrameBytes: number;
  readonly maxCallRecords: number;
  readonly maxBodyBytes: number;
  /** How far above the log's highest counter a record may be. */
  readonly maxCounterJump: number;
  readonly maxPeers: number;
  readonly presenceKeys: number;
  readonly presenceBytes: number;
  /** A side that heard nothing for twice this long takes the connection for dead. */
  readonly heartbeatMs: number;
  /** Bytes of bodies the server puts into a page at most (it holds at least one record). */
  readonly pageBytes: number;
}

/** → First frame of a connection. */
export interface Hello {
  readonly kind: 'hello';
  readonly versions: readonly number[];
  readonly token: string;
  /** Random, made by the client once per running instance. */
  readonly client: string;
  /** What the client can inflate, best first. */
  readonly compress: readonly Compression[];
}

/** ← Answers HELLO. */
export interface Welcome {
  readonly kind: 'welcome';
  readonly version: 1;
  /** Random id of this connection. */
  readonly connection: string;
  readonly user: UserId;
  readonly limits: WireLimits;
  readonly compress: Compression | null;
  /** Milliseconds since 1970. */
  readonly serverTime: number;
}

/** → A fresh token for the same subject. No answer; a bad one is BYE. */
export interface Auth {
  readonly kind: 'auth';
  readonly token: string;
}

/** → Asks into a workspace, declaring the client's own peer ids (more may be declared by joining again). */
export interface Join {
  readonly kind: 'join';
  /** Chosen by the client, echoed in the answer. */
  readonly request: number;
  readonly workspace: WorkspaceId;
  readonly peers: readonly PeerId[];
  readonly wish: 'write' | 'read';
  /** ACKs tell each batch's result. No, if absent. */
  readonly results?: boolean;
}

export interface WireHead {
  readonly incarnation: string;
  readonly lineage: readonly Fork[];
  readonly cursor: Cursor;
  readonly position: number;
  readonly records: number;
  readonly maxCounter: number;
}

/** ← Answers JOIN. `head` is null while the log is empty and unmade. */
export interface Joined {
  readonly kind: 'joined';
  readonly request: number;
  readonly workspace: WorkspaceId;
  readonly ws: WireWorkspace;
  readonly role: Role;
  readonly codec: CodecName;
  readonly relay: boolean;
  /** Declared peers that belong to somebody else: the client takes new ones. Nothing was bound if there are any. */
  readonly taken: readonly PeerId[];
  readonly head: WireHead | null;
}

/** ← Answers a JOIN, SUB or PULL that can't be served. `request` echoes JOIN's request, or SUB's and PULL's `sub`. */
export interface Refused {
  readonly kind: 'refused';
  readonly of: 'join' | 'sub' | 'pull';
  readonly request: number;
  readonly ws: WireWorkspace | null;
  readonly code: StoreErrorCode;
  readonly message: string;
  /** For `stale_cursor`: the lineage and the head. */
  readonly context: StoreErrorContext;
}

/** → Leaves a workspace. */
export interface Leave {
  readonly kind: 'leave';
  readonly ws: WireWorkspace;
}

/** ← The server ended a workspace for this connection (`denied`, `not_found`, `unavailable`, `stale_cursor` after a restore). Deletes nothing at the client. */
export interface Left {
  readonly kind: 'left';
  readonly ws: WireWorkspace;
  readonly code: StoreErrorCode;
  readonly message: string;
}

/** → Wants the records of these trees (null: all) after a cursor (null: from the start). At the head, OPS follow; else the server answers LAG and the client PULLs. The same `sub` again replaces it. */
export interface Sub {
  readonly kind: 'sub';
  readonly ws: WireWorkspace;
  readonly sub: number;
  readonly trees: readonly TreeId[] | null;
  readonly cursor: Cursor | null;
}

/** → Ends a subscription. */
export interface Unsub {
  readonly kind: 'unsub';
  readonly ws: WireWorkspace;
  readonly sub: number;
}

/** ← This subscription is not (any more) fed by OPS: PULL from your cursor. */
export interface Lag {
  readonly kind: 'lag';
  readonly ws: WireWorkspace;
  readonly sub: number;
}

/** → Asks for a page of a subscription. `through` repeats the bound of the page before; null begins a new query at the head. At most 2 unanswered per connection.
 *  Allowed at any time, also while OPS feed the subscription, and right after SUB. Answered exactly once, by PAGE or REFUSED. */
export interface Pull {
  readonly kind: 'pull';
  readonly ws: WireWorkspace;
  readonly sub: number;
  readonly after: Cursor | null;
  readonly through: Cursor | null;
  /** Also tell when each record was received. No, if absent. */
  readonly times?: boolean;
}

/** A record of a page; when it was received only if that was asked. */
export interface PagedRecord extends OpRecord {
  readonly position: number;
  readonly receivedAt?: number;
}

/** ← Answers PULL. With `next` null the query is done and OPS of this subscription go on after `through`: every OPS behind this page on the
 *  wire carries its records. Where one committed after `through` went out before this page, LAG follows. */
export interface PageMessage {
  readonly kind: 'page';
  readonly ws: WireWorkspace;
  readonly sub: number;
  readonly records: readonly PagedRecord[];
  readonly next: Cursor | null;
  /** Null only for a log that does not exist. */
  readonly through: Cursor | null;
}

/** → A batch of records for one atomic append. Numbers rise by one per workspace joined. */
export interface OpsUp {
  readonly kind: 'ops-up';
  readonly ws: WireWorkspace;
  readonly batch: number;
  readonly records: readonly OpRecord[];
  /** The record block as it came, forwarded verbatim to readers. */
  readonly block: Uint8Array;
}

/** Records at dense positions, in order. */
export interface OpsBlock {
  readonly firstPosition: number;
  readonly records: readonly OpRecord[];
}

/** ← Records committed after what this connection has of the subscriptions that are fed, without its own batches. `cursor` is the resume point of all those subscriptions. */
export interface OpsDown {
  readonly kind: 'ops-down';
  readonly ws: WireWorkspace;
  readonly cursor: Cursor;
  readonly blocks: readonly OpsBlock[];
}

/** What an append of this connection did, for who asked at JOIN. */
export interface BatchResult {
  readonly added: number;
  readonly committedAt: number;
  /** The head after its commit; null for nothing appended to an unmade log. */
  readonly through: Cursor | null;
}

/** ← All batches up to this one that were not refused are on disk. */
export interface Ack {
  readonly kind: 'ack';
  readonly ws: WireWorkspace;
  readonly batch: number;
  /** A resume point for the fed subscriptions; null if there is none or OPS were dropped. */
  readonly cursor: Cursor | null;
  /** One for each batch it covers, in order, if JOIN asked. */
  readonly results?: readonly BatchResult[];
}

/** ← This batch was refused whole. `ids` names the records at fault; empty means the whole batch. */
export interface Nack {
  readonly kind: 'nack';
  readonly ws: WireWorkspace;
  readonly batch: number;
  readonly code: StoreErrorCode;
  readonly message: string;
  readonly ids: readonly RecordId[];
}

/** → The client's value under a key (null removes it). JSON. */
export interface PresenceUp {
  readonly kind: 'presence-up';
  readonly ws: WireWorkspace;
  readonly key: string;
  readonly value: unknown;
}

export interface PresenceEntry {
  /** Connection id of the client. */
  readonly client: string;
  readonly user: UserId;
  readonly key: string;
  readonly value: unknown;
}

/** ← Last values of others, coalesced; `left` names connections that are gone. */
export interface PresenceDown {
  readonly kind: 'presence-down';
  readonly ws: WireWorkspace;
  readonly entries: readonly PresenceEntry[];
  readonly left: readonly string[];
}

export interface Ping {
  readonly kind: 'ping';
}

export interface Pong {
  readonly kind: 'pong';
}

/** The sender closes. `reconnectAfterMs` is null where coming back makes no sense. */
export interface Bye {
  readonly kind: 'bye';
  readonly code: StoreErrorCode | 'going_away' | 'too_slow';
  readonly reason: string;
  readonly reconnectAfterMs: number | null;
}

export type ClientMessage = Hello | Auth | Join | Leave | Sub | Unsub | Pull | OpsUp | PresenceUp | Ping | Pong | Bye;
export type ServerMessage = Welcome | Joined | Refused | Left | Lag | PageMessage | OpsDown | Ack | Nack | PresenceDown | Ping | Pong | Bye;
