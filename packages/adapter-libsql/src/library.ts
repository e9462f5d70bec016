import Sync from 'libsql';
import Async from 'libsql/promise';

/** What its types leave out, or have as better-sqlite3 has it and libsql has not. */
export interface LibsqlOptions {
  readonly encryptionKey?: string;
  readonly encryptionCipher?: string;
}

export interface LibsqlStatement {
  /** Rows come as arrays from now on, not as objects. */
  readonly raw: (on: boolean) => LibsqlStatement;
  readonly all: (values: readonly unknown[]) => unknown[];
  readonly run: (values: readonly unknown[]) => { readonly changes: number };
}

export interface LibsqlDatabase {
  readonly inTransaction: boolean;
  readonly prepare: (sql: string) => LibsqlStatement;
  readonly exec: (sql: string) => void;
  readonly close: () => void;
}

/** The same library, working in another thread. */
export interface LibsqlThreadDatabase {
  readonly exec: (sql: string) => Promise<void>;
  readonly close: () => void;
}

export const LibsqlDatabase = Sync as unknown as new (path: string, options: LibsqlOptions) => LibsqlDatabase;
export const LibsqlThreadDatabase = Async as unknown as new (path: string, options: LibsqlOptions) => LibsqlThreadDatabase;
