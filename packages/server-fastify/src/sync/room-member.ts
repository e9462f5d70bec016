import type { Cursor, StoreError, UserId } from '@spacestore/core';
import type { FedGroup } from '@spacestore/core/sync';
import type { Grant } from '../service/grant.ts';

/** A connection within a workspace, as its room sees it. */
export interface RoomMember {
  readonly connection: string;
  readonly user: UserId;
  readonly grant: () => Grant;
  readonly group: (group: FedGroup) => void;
  readonly gap: (position: number, cursor: Cursor | null) => void;
  /** Verdicts that are due may leave. */
  readonly flush: () => void;
  /** The workspace ended for this connection. */
  readonly end: (error: StoreError) => void;
  /** Reads the membership anew; ends here if it is gone or another. Resolves when that is settled. */
  readonly recheck: (changed: UserId | undefined) => Promise<void>;
  /** A frame that may be dropped. */
  readonly offer: (frame: Uint8Array) => void;
}
