import type { BlobStore, OpStore, Outbox, SecretStore, SyncTransport } from '@spacestore/core';

/** What can be put to the test, by the name its laws carry. `sync` is a client and a server over a transport. */
export interface StoreByKind {
  readonly 'op-store': OpStore;
  readonly 'blob-store': BlobStore;
  readonly 'secret-store': SecretStore;
  readonly transport: SyncTransport;
  readonly sync: SyncUnderTest;
  readonly outbox: Outbox;
}

export type SubjectKind = keyof StoreByKind;

/** A server with a store behind it and clients that see it as a store. */
export interface SyncUnderTest {
  /** A further client of the same server. */
  readonly client: () => Promise<OpStore>;
  readonly close: () => Promise<void>;
}
