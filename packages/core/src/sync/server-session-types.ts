import type { CodecName, Role } from '../contracts/directory.ts';
import type { AppendResult, OpRecord } from '../contracts/op-store.ts';
import type { StoreError } from '../errors.ts';
import type { PeerId, TreeId, UserId, WorkspaceId } from '../ids.ts';
import type { Cursor } from '../log/cursor.ts';
import type {
  ClientMessage,
  Compression,
  PagedRecord,
  PageMessage,
  ServerMessage,
  WireHead,
  WireLimits,
  WireWorkspace,
} from './messages.ts';

export interface ServerSessionOptions {
  /** Random id of this connection. */
  readonly connection: string;
  readonly limits: WireLimits;
  /** What the server can do, best first. */
  readonly compress: readonly Compression[];
  /** HELLO comes within this time and size. */
  readonly handshakeMs: number;
  readonly handshakeBytes: number;
  readonly maxWorkspaces: number;
  /** Unsent bytes past which a reader gets no more OPS and has to PULL. */
  readonly bufferBytes: number;
  /** A reader whose unsent bytes do not shrink for so long is sent away. */
  readonly stalledMs: number;
}

/** One author's records in a group, at dense positions. */
export interface GroupEntry {
  readonly firstPosition: number;
  readonly records: readonly OpRecord[];
  /** The records as the author's frame had them, where they came that way. */
  readonly block: Uint8Array | undefined;
  /** Connection that handed them in: it is not told of them again. */
  readonly author: string | undefined;
}

/** What was committed since the group before, in the order of positions. Every reader gets the same object. */
export interface FedGroup {
  readonly position: number;
  /** The resume point after it. */
  readonly cursor: Cursor;
  readonly bytes: number;
  readonly entries: readonly GroupEntry[];
  /** Frames made of it so far, by the trees wanted: readers who want the same share one. */
  readonly frames: Map<string, Uint8Array>;
}

export interface Subscription {
  readonly sub: number;
  readonly trees: ReadonlySet<TreeId> | null;
  /** True while OPS carry its records, from the position after `from` on. */
  fed: boolean;
  from: number;
}

export interface Verdict {
  readonly batch: number;
  settled: boolean;
  error: StoreError | undefined;
  result: AppendResult | undefined;
}

/** What fed subscriptions want together; its key is equal where the trees are. */
export interface Wanted {
  readonly trees: ReadonlySet<TreeId> | null;
  readonly key: string;
  /** All of them have everything up to here. */
  readonly from: number;
}

/** A workspace joined on one connection. */
export interface Attachment {
  readonly ws: WireWorkspace;
  /** Tells it from an earlier joining of the same workspace. */
  readonly serial: number;
  readonly workspace: WorkspaceId;
  /** Last place the room told of: all fed subscriptions have everything up to here, but for what is held. */
  position: number;
  cursor: Cursor | null;
  nextBatch: number;
  /** ACKs tell what each batch's append did. */
  readonly results: boolean;
  readonly verdicts: Verdict[];
  readonly subs: Map<number, Subscription>;
  wanted: Wanted | undefined;
  /** Pages being read or packed. Meanwhile groups are held, so that they stand behind the page on the wire. */
  reading: number;
  heldFrom: number;
  held: FedGroup[];
  heldBytes: number;
  /** More was held than allowed: it went out, and the pages under way are no place to go on from. */
  overflowed: boolean;
  readonly presenceKeys: Set<string>;
}

export interface PullUnderWay {
  readonly pull: number;
  readonly attachment: Attachment;
  readonly subscription: Subscription;
  page: PageMessage | undefined;
}

export interface ServerSession {
  readonly options: ServerSessionOptions;
  phase: 'greeting' | 'verifying' | 'open' | 'closed';
  user: UserId | undefined;
  compress: Compression | null;
  /** A token is being verified while the connection is open. */
  renewing: boolean;
  expiresAt: number;
  readonly openedAt: number;
  heardAt: number;
  sentAt: number;
  flushed: number;
  progressAt: number;
  nextSerial: number;
  joining: number;
  /** The latest request to join a workspace, until it is answered. */
  readonly asked: Map<WorkspaceId, { readonly request: number; readonly results: boolean }>;
  readonly attachments: Map<WireWorkspace, Attachment>;
  /** Numbers of workspaces left: what was under way to them is passed over. */
  readonly gone: Set<WireWorkspace>;
  readonly pulls: Map<number, PullUnderWay>;
}

interface At {
  readonly ws: WireWorkspace;
  readonly attachment: number;
}

/** Every event brings the time. */
export type ServerEvent =
  | { readonly kind: 'message'; readonly now: number; readonly message: ClientMessage; readonly bytes: number }
  /** A frame that is no message. */
  | { readonly kind: 'malformed'; readonly now: number; readonly error: StoreError }
  | { readonly kind: 'verified'; readonly now: number; readonly user: UserId; readonly expiresAt: number | null }
  | { readonly kind: 'unverified'; readonly now: number; readonly error: StoreError; readonly reconnectAfterMs: number }
  | {
      readonly kind: 'joined';
      readonly now: number;
      readonly request: number;
      readonly workspace: WorkspaceId;
      readonly ws: WireWorkspace;
      readonly role: Role;
      readonly codec: CodecName;
      readonly relay: boolean;
      readonly taken: readonly PeerId[];
      readonly head: WireHead | null;
      /** How far the room has told its readers. */
      readonly position: number;
      readonly cursor: Cursor | null;
    }
  | { readonly kind: 'join-failed'; readonly now: number; readonly request: number; readonly error: StoreError }
  /** The membership ended, or the workspace. */
  | { readonly kind: 'ended'; readonly now: number; readonly ws: WireWorkspace; readonly error: StoreError }
  | {
      readonly kind: 'read';
      readonly now: number;
      readonly pull: number;
      readonly records: readonly PagedRecord[];
      readonly next: Cursor | null;
      readonly through: Cursor | null;
    }
  | { readonly kind: 'packed'; readonly now: number; readonly pull: number; readonly frame: Uint8Array; readonly buffered: number }
  | { readonly kind: 'read-failed'; readonly now: number; readonly pull: number; readonly error: StoreError; readonly buffered: number }
  | { readonly kind: 'group'; readonly now: number; readonly ws: WireWorkspace; readonly group: FedGroup; readonly buffered: number }
  /** What was committed can't be told as OPS: every reader has to PULL. */
  | { readonly kind: 'gap'; readonly now: number; readonly ws: WireWorkspace; readonly position: number; readonly cursor: Cursor | null }
  /** A batch's append ended. */
  | ({
      readonly kind: 'settled';
      readonly now: number;
      readonly batch: number;
      readonly error: StoreError | undefined;
      /** What it did, if it was not refused. */
      readonly result: AppendResult | undefined;
    } & At)
  /** After the fan-out of a group: verdicts that are due leave. */
  | { readonly kind: 'flush'; readonly now: number; readonly ws: WireWorkspace }
  | {
      readonly kind: 'tick';
      readonly now: number;
      /** Unsent bytes, and how many were ever handed to the network. */
      readonly buffered: number;
      readonly flushed: number;
      /** Nothing is read from this client just now, by the server's own choice. */
      readonly paused: boolean;
    }
  | { readonly kind: 'drain'; readonly now: number; readonly reconnectAfterMs: number };

export type ServerEffect =
  | { readonly kind: 'send'; readonly message: ServerMessage }
  | { readonly kind: 'send-frame'; readonly frame: Uint8Array }
  /** Send the group's entries of these trees, but those of this connection. */
  | { readonly kind: 'send-group'; readonly ws: WireWorkspace; readonly group: FedGroup; readonly wanted: Wanted }
  /** Answer with `verified` or `unverified`. */
  | { readonly kind: 'authenticate'; readonly token: string }
  /** Answer with `joined` or `join-failed`. */
  | {
      readonly kind: 'join';
      readonly request: number;
      readonly workspace: WorkspaceId;
      readonly peers: readonly PeerId[];
      readonly wish: 'write' | 'read';
    }
  /** This connection is in the workspace now. */
  | ({ readonly kind: 'attach'; readonly workspace: WorkspaceId } & At)
  | ({ readonly kind: 'detach' } & At)
  /** Answer with `settled`. */
  | ({ readonly kind: 'append'; readonly batch: number; readonly records: readonly OpRecord[]; readonly block: Uint8Array } & At)
  /** Answer with `read` or `read-failed`. */
  | {
      readonly kind: 'read';
      readonly ws: WireWorkspace;
      readonly pull: number;
      readonly sub: number;
      readonly trees: ReadonlySet<TreeId> | null;
      readonly after: Cursor | null;
      readonly through: Cursor | null;
      readonly times: boolean;
    }
  /** Answer with `packed` (or `read-failed`). */
  | { readonly kind: 'pack'; readonly pull: number; readonly page: PageMessage; readonly how: Compression | null }
  | { readonly kind: 'presence'; readonly ws: WireWorkspace; readonly key: string; readonly value: unknown }
  /** The end: what was sent still leaves, if `flush`. */
  | { readonly kind: 'close'; readonly flush: boolean };

export type EmitServer = (effect: ServerEffect) => void;
