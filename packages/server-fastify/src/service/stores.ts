import type { BlobStore, Clock, Directory, FileIndex, OpStore, SecretStore } from '@spacestore/core';
import type { KeyRing } from '@spacestore/core/layers';
import type { ServiceEvents } from '../events.ts';
import type { Limits } from '../limits.ts';

/** The built stores a server stands on, layers included. */
export interface Stores {
  readonly ops: OpStore;
  readonly blobs: BlobStore;
  readonly files: FileIndex;
  readonly secrets: SecretStore;
  readonly directory: Directory;
}

/** What every part of the service works with. */
export interface ServiceParts extends Stores {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly events: ServiceEvents;
  /** Their keys sign what comes back from outside: links, uploads, backups. */
  readonly keys: KeyRing;
}
