import type { StoreError } from '../../errors.ts';
import type { SqlRow, SqlValue } from '../sql.ts';

/** One statement with `$1`, `$2`, … in its text. */
export interface PostgresStep {
  readonly sql: string;
  readonly values?: readonly SqlValue[];
}

export interface PostgresAnswer {
  /** Columns in the order of the SELECT: int8 as exact numbers, bytea as fresh bytes, bool as 0 and 1. */
  readonly rows: readonly SqlRow[];
  /** Rows changed. */
  readonly changed: number;
  /** What the server says it did: a COMMIT of a transaction that failed is answered as `ROLLBACK`. */
  readonly command: string;
}

/** One session of a database. */
export interface PostgresConnection {
  /** Sends all statements at once and waits for all answers: one round trip. Throws the first one's error, when all are answered.
   *  If an answer is not there within so many milliseconds, the connection is closed: whoever does not answer may be gone. */
  readonly send: (steps: readonly PostgresStep[], withinMs?: number) => Promise<readonly PostgresAnswer[]>;
}

/** What comes in over a connection that only listens. */
export interface ChannelListener {
  /** Messages come in from now on; also after every interruption, when some may have been missed. */
  readonly connected: () => void;
  /** None come in until `connected`. */
  readonly interrupted: () => void;
  readonly message: (text: string) => void;
}

/** What a PostgreSQL library brings. */
export interface PostgresEngine {
  /** Lends a connection that nobody else uses meanwhile. It is kept for others if the work resolves, and closed if it throws.
   *  Throws what the work throws, and the library's own errors. */
  readonly use: <Result>(work: (connection: PostgresConnection) => Promise<Result>) => Promise<Result>;
  /** The library's error as one of ours. A `StoreError` stays as it is. */
  readonly storeError: (error: unknown) => StoreError;
  /** Hears a channel over a connection of its own, which it opens again whenever it breaks, until the function this returns is called. */
  readonly listen: (channel: string, listener: ChannelListener) => () => Promise<void>;
  /** Closes all connections. */
  readonly close: () => Promise<void>;
}
