import type {
  BlobStore,
  FileIndex,
  OpRecord,
  OpStore,
  Outbox,
  PeerId,
  SecretStore,
  StoredRecord,
  SyncConnection,
  SyncTransport,
  WorkspaceId,
} from '@spacestore/core';

/** What can be put to the test, by the name its laws carry. `sync` is a client and a server over a transport. */
export interface StoreByKind {
  readonly 'op-store': OpStore;
  readonly 'blob-store': BlobStore;
  readonly 'secret-store': SecretStore;
  readonly transport: SyncTransport;
  readonly sync: SyncUnderTest;
  readonly outbox: Outbox;
  readonly 'file-index': FileIndex;
}

export type SubjectKind = keyof StoreByKind;

/** Somebody a server under test knows: two who share every workspace made, one who is in none. */
export type SyncUser = 'ada' | 'bob' | 'eve';

export interface SyncClientOptions {
  readonly user: SyncUser;
  readonly workspace: WorkspaceId;
  /** The peers it writes under. */
  readonly peers: readonly PeerId[];
  /** A client with the name of an earlier one goes on with its outbox. */
  readonly device: string;
  /** Another token than the user's. */
  readonly token?: string;
}

/** What an app has in its hands: one workspace, all trees. */
export interface SyncClient {
  /** Resolves when the records are safe on the device. */
  readonly append: (records: readonly OpRecord[]) => Promise<void>;
  /** Resolves when everything appended before has its verdict. */
  readonly flush: () => Promise<void>;
  /** Every record handed to the app, in the order it was handed. */
  readonly received: () => readonly (OpRecord & { readonly position: number })[];
  readonly status: () => { readonly connected: string; readonly pending: number; readonly quarantined: number };
  readonly close: () => Promise<void>;
}

/** A server with a store behind it, and clients of it over real connections that can be cut. */
export interface SyncUnderTest {
  /** A new workspace, with bodies of any bytes, where ada and bob may read and write. */
  readonly workspace: (name: string) => Promise<WorkspaceId>;
  readonly client: (options: SyncClientOptions) => Promise<SyncClient>;
  /** What the server has stored, asked behind the protocol's back. */
  readonly log: (workspace: WorkspaceId) => Promise<readonly StoredRecord[]>;
  /** A connection on which nothing was said yet. */
  readonly connection: () => Promise<SyncConnection>;
  readonly token: (user: SyncUser) => string;
  /** Ends every connection without a word, as networks do. */
  readonly cut: () => void;
  /** While down, every connection is ended at once. */
  readonly setDown: (down: boolean) => void;
  /** Stops the server and starts it again on the same data. */
  readonly restart: () => Promise<void>;
  /** Connections begun so far. */
  readonly connections: () => number;
  /** Bytes of frames that clients were sent so far. */
  readonly bytesDown: () => number;
  readonly close: () => Promise<void>;
}
