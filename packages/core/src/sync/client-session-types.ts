import type { CodecName, Role } from '../contracts/directory.ts';
import type { OpRecord } from '../contracts/op-store.ts';
import type { OutboxBatch, OutboxVerdict, RecordId } from '../contracts/outbox.ts';
import type { StoreErrorCode } from '../errors.ts';
import type { PeerId, TreeId, UserId, WorkspaceId } from '../ids.ts';
import type { Cursor, Fork } from '../log/cursor.ts';
import type { ClientMessage, Compression, PresenceEntry, ServerMessage, WireLimits } from './messages.ts';

/** When a step happens, and the one random number in [0, 1) it may use: the machine itself knows neither clock nor chance. */
export interface Moment {
  readonly now: number;
  readonly random: number;
}

export interface ClientSessionOptions {
  /** Random id of this running client. */
  readonly client: string;
  /** What it can inflate, best first. */
  readonly compress: readonly Compression[];
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  /** A connection that lived this long counts as a success: the next failure starts the backoff anew. */
  readonly stableMs: number;
  /** Where coming back makes little sense (a refused token, a lost membership) it is tried this seldom, unless the app asks. */
  readonly hopelessMs: number;
  /** Connecting and greeting take at most this long; an answer owed on an open connection at most as long again. */
  readonly answerMs: number;
  /** Batches and bytes sent and not yet judged, per workspace. */
  readonly windowBatches: number;
  readonly windowBytes: number;
  /** Pages handed out and not yet handled, per workspace, beyond which no more are asked for. */
  readonly pagesAhead: number;
  /** Bytes handed out and not yet handled beyond which live records are left to a later PULL. */
  readonly behindBytes: number;
  /** Presence goes out at most this often, last value per key. */
  readonly presenceEveryMs: number;
  /** A token is renewed this long before it ends. */
  readonly renewBeforeMs: number;
}

/** A record as a reader gets it. */
export interface PlacedRecord extends OpRecord {
  readonly position: number;
}

/** Where a client stands in a workspace, to be kept over restarts. */
export interface SavedPlaces {
  /** The newest cursor seen: a later head that does not continue it is another history. Null: none was seen, though records were sent. */
  readonly head: Cursor | null;
  /** One cursor per completed set of trees (null: all that no other set names). */
  readonly sets: readonly { readonly trees: readonly TreeId[] | null; readonly cursor: Cursor | null }[];
}

/** `off` without a connection; `wants` a page; `asked` for one; `spoiled` waits for the answer to a page asked with a refused cursor; `fed` by OPS. */
export type Feed =
  | { readonly kind: 'off' }
  | { readonly kind: 'wants'; readonly through: Cursor | null }
  | {
      readonly kind: 'asked';
      readonly at: number;
      /** LAG came meanwhile. */
      readonly lagged: boolean;
      /** Highest position OPS spoke of meanwhile. */
      readonly seen: number;
    }
  | { readonly kind: 'spoiled'; readonly at: number }
  | { readonly kind: 'later'; readonly at: number; readonly attempts: number }
  | { readonly kind: 'fed' }
  | { readonly kind: 'failed'; readonly code: StoreErrorCode; readonly message: string };

/** Trees that are read together, and how far. */
export interface TreeSet {
  /** Its number on the wire. */
  readonly sub: number;
  readonly trees: ReadonlySet<TreeId> | null;
  /** Everything up to here was handed to the app's queue. */
  readonly received: Cursor | null;
  /** Everything up to here was handled by the app. */
  readonly handled: Cursor | null;
  readonly feed: Feed;
}

export interface Mark {
  readonly sub: number;
  readonly cursor: Cursor | null;
}

/** Records on their way to the app, and what is reached once it handled them. */
export interface Delivery {
  readonly id: number;
  readonly bytes: number;
  readonly marks: readonly Mark[];
}

export interface InFlight {
  /** Number on the wire: 1, 2, 3, … since the workspace was joined. */
  readonly wire: number;
  readonly batch: OutboxBatch;
  readonly bytes: number;
  readonly sentAt: number;
}

export interface Hold {
  readonly until: number;
  readonly code: StoreErrorCode;
  readonly message: string;
}

export interface Sending {
  /** Tells answers to loads of an earlier connection apart. */
  readonly generation: number;
  readonly nextWire: number;
  readonly inFlight: readonly InFlight[];
  readonly inFlightBytes: number;
  /** Loaded and not sent. */
  readonly queue: readonly OutboxBatch[];
  /** The highest batch number loaded or sent. */
  readonly loadedTo: number;
  readonly loading: boolean;
  /** The outbox may have batches beyond `loadedTo`. */
  readonly more: boolean;
  readonly hold: Hold | null;
  /** Refusals in a row that were not the records' fault. */
  readonly attempts: number;
  /** How often a batch met an unexpected failure. */
  readonly mishaps: ReadonlyMap<number, number>;
  readonly acknowledged: number;
  readonly refused: number;
}

export type JoinState =
  | { readonly kind: 'out' }
  | { readonly kind: 'asked'; readonly request: number; readonly at: number }
  | { readonly kind: 'in'; readonly ws: number; readonly role: Role; readonly codec: CodecName; readonly relay: boolean }
  /** Shut out. Nothing local is touched; asked again at `at`, on a new connection and with a new token. */
  | { readonly kind: 'barred'; readonly code: StoreErrorCode; readonly message: string; readonly at: number };

export interface ClientWorkspace {
  readonly id: WorkspaceId;
  readonly peers: readonly PeerId[];
  readonly wish: 'write' | 'read';
  readonly join: JoinState;
  /** Failed joins in a row. */
  readonly joinAttempts: number;
  readonly head: Cursor | null;
  /** Records were acknowledged, or may have been, while no head was known: any head that shows up may be of another history. */
  readonly headless: boolean;
  /** The app was told of another history since the workspace was joined. */
  readonly told: boolean;
  readonly sets: readonly TreeSet[];
  /** Places of trees that are not subscribed now. */
  readonly dormant: SavedPlaces['sets'];
  readonly nextSub: number;
  readonly deliveries: readonly Delivery[];
  readonly nextDelivery: number;
  readonly sending: Sending;
  readonly presence: ReadonlyMap<string, unknown>;
  readonly presenceDirty: ReadonlySet<string>;
  readonly presenceAt: number;
}

export type Link =
  | { readonly kind: 'idle' }
  | { readonly kind: 'waiting'; readonly until: number; readonly why: Bye['code'] | 'disconnected' }
  | { readonly kind: 'token' }
  | { readonly kind: 'connecting'; readonly since: number }
  | { readonly kind: 'greeting'; readonly since: number }
  | { readonly kind: 'open'; readonly since: number; readonly connection: string; readonly user: UserId };

type Bye = Extract<ServerMessage, { kind: 'bye' }>;

export interface ClientState {
  readonly options: ClientSessionOptions;
  readonly link: Link;
  /** Number of the present connection: events of an older one are ignored. */
  readonly serial: number;
  /** Failures in a row. */
  readonly attempts: number;
  readonly token: string | null;
  /** A token the server refused: it is not shown again. */
  readonly refusedToken: string | null;
  readonly renewAt: number;
  readonly limits: WireLimits | null;
  readonly heardAt: number;
  readonly sentAt: number;
  readonly nextRequest: number;
  readonly workspaces: ReadonlyMap<WorkspaceId, ClientWorkspace>;
  readonly wire: ReadonlyMap<number, WorkspaceId>;
}

export type ClientEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'stop' }
  /** The app has reason to believe that now is a good time: online again, signed in anew. */
  | { readonly kind: 'renew' }
  | { readonly kind: 'token'; readonly token: string; readonly lifetimeMs: number | null }
  | { readonly kind: 'token-failed' }
  | { readonly kind: 'connected'; readonly serial: number }
  | { readonly kind: 'disconnected'; readonly serial: number }
  | { readonly kind: 'message'; readonly serial: number; readonly message: ServerMessage }
  | { readonly kind: 'tick' }
  | {
      readonly kind: 'enter';
      readonly workspace: WorkspaceId;
      readonly peers: readonly PeerId[];
      readonly wish: 'write' | 'read';
      readonly saved: SavedPlaces | null;
    }
  | { readonly kind: 'leave'; readonly workspace: WorkspaceId }
  | { readonly kind: 'peers'; readonly workspace: WorkspaceId; readonly peers: readonly PeerId[] }
  | { readonly kind: 'subscribe'; readonly workspace: WorkspaceId; readonly trees: readonly TreeId[] | null }
  | { readonly kind: 'added'; readonly workspace: WorkspaceId; readonly batch: OutboxBatch | null }
  | { readonly kind: 'loaded'; readonly workspace: WorkspaceId; readonly generation: number; readonly batches: readonly OutboxBatch[] }
  | { readonly kind: 'load-failed'; readonly workspace: WorkspaceId; readonly generation: number }
  /** A refusal is stored: the rest of its batch stands in the outbox as a new one. */
  | { readonly kind: 'requeued'; readonly workspace: WorkspaceId }
  | { readonly kind: 'handled'; readonly workspace: WorkspaceId; readonly delivery: number }
  | { readonly kind: 'presence'; readonly workspace: WorkspaceId; readonly key: string; readonly value: unknown };

/** Why a client's own peers can't be used any longer. */
export type PeersLostWhy = 'taken' | 'equivocation';

export type ClientEffect =
  | { readonly kind: 'ask-token' }
  | { readonly kind: 'connect'; readonly serial: number }
  | { readonly kind: 'disconnect'; readonly serial: number }
  | { readonly kind: 'send'; readonly serial: number; readonly message: ClientMessage }
  /** Answer with `loaded`: the pending batches after a number, `limit` of them if there are as many. */
  | {
      readonly kind: 'load';
      readonly workspace: WorkspaceId;
      readonly generation: number;
      readonly after: number;
      readonly limit: number;
    }
  /** Store it; after a refusal answer with `requeued`. */
  | { readonly kind: 'verdict'; readonly workspace: WorkspaceId; readonly batch: number; readonly verdict: OutboxVerdict }
  /** Hand to the app, one at a time and in order; answer with `handled` once it has. */
  | { readonly kind: 'deliver'; readonly workspace: WorkspaceId; readonly delivery: number; readonly records: readonly PlacedRecord[] }
  | { readonly kind: 'save'; readonly workspace: WorkspaceId; readonly places: SavedPlaces }
  /** The server continued (or replaced) the history this client knew: hand in again what it may lack. */
  | {
      readonly kind: 'reconcile';
      readonly workspace: WorkspaceId;
      readonly from: Cursor | null;
      readonly lineage: readonly Fork[];
    }
  /** These own peers are someone else's too: take new ones, and re-issue what was refused (it is in quarantine). */
  | {
      readonly kind: 'peers-lost';
      readonly workspace: WorkspaceId;
      readonly why: PeersLostWhy;
      readonly peers: readonly PeerId[];
      readonly ids: readonly RecordId[];
    }
  | {
      readonly kind: 'presence';
      readonly workspace: WorkspaceId;
      readonly entries: readonly PresenceEntry[];
      readonly left: readonly string[];
    }
  /** Nobody else's presence is known any more. */
  | { readonly kind: 'presence-lost'; readonly workspace: WorkspaceId };

export type Emit = (effect: ClientEffect) => void;
