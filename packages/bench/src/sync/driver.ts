import type { OpRecord } from '@spacestore/core';
import type { ServerProcess } from './server-process.ts';

/** A thin load client: encodes, sends, counts what comes back, keeps nothing. Both sides of a comparison have one, so that their servers are what differs. */
export interface Driver {
  readonly name: 'ours' | 'baseline';
  readonly start: (dir: string) => Promise<ServerProcess>;
  /** Prepares workspaces, where a server wants them made beforehand. */
  readonly prepare: (server: ServerProcess, workspaces: readonly string[]) => Promise<void>;
  readonly connect: (server: ServerProcess, workspace: string, events: DriverEvents) => Promise<Connection>;
  /** A connection that only stays open, in `workspace`. */
  readonly idle: (server: ServerProcess, workspace: string) => Promise<{ readonly close: () => void }>;
  /** Reads the whole log cold; resolves with records and bytes received. */
  readonly cold: (server: ServerProcess, workspace: string) => Promise<{ readonly records: number; readonly bytes: number }>;
}

export interface DriverEvents {
  /** This many of the sent batches were acknowledged. */
  readonly onAck?: (batches: number) => void;
  /** This many records of others arrived. */
  readonly onRecords?: (records: number) => void;
}

export interface Connection {
  /** One frame, one batch: records of one tree and peer. */
  readonly send: (records: readonly OpRecord[]) => void;
  readonly close: () => void;
}
