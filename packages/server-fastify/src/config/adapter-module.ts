import {
  type BlobStore,
  type ChangeHints,
  type Clock,
  type Directory,
  type FileIndex,
  type OpStore,
  type SecretStore,
  StoreError,
  type WorkspaceId,
} from '@spacestore/core';

export type StoreName = 'ops' | 'blobs' | 'files' | 'secrets' | 'directory';

export const storeNames: readonly StoreName[] = ['ops', 'blobs', 'files', 'secrets', 'directory'];

/** What is not as it was written, in words and places. */
export interface LogFindings {
  readonly records: number;
  readonly problems: readonly { readonly kind: string; readonly message: string; readonly position?: number }[];
}

/** What an adapter gives: any of the stores, and what a server likes to know of them. */
export interface OpenedAdapter {
  readonly ops?: OpStore;
  readonly blobs?: BlobStore;
  readonly files?: FileIndex;
  readonly secrets?: SecretStore;
  readonly directory?: Directory;
  /** What the servers on these stores tell each other; absent where one server has them for itself. */
  readonly hints?: ChangeHints;
  /** Throws while the stores can't work, for the readiness probe. */
  readonly ready?: () => Promise<void>;
  /** Reads a workspace's whole log and names what is not as it was written; undefined if there is none. For `spacestore verify`. */
  readonly verify?: (workspace: WorkspaceId) => Promise<LogFindings | undefined>;
  /** Called once all stores of the server are closed. */
  readonly release?: () => Promise<void> | void;
}

export interface AdapterContext {
  /** The server's data folder. */
  readonly dataDir: string;
  readonly clock: Clock;
  /** Whether to hold the data against other servers. False only for reading beside one that runs. */
  readonly hold: boolean;
}

/** What a package exports as `spacestoreAdapter`, so that a config file can name it:
 *  `export const spacestoreAdapter: AdapterModule = { contractVersion: 1, open: (options, context) => … }`. */
export interface AdapterModule {
  readonly contractVersion: 1;
  /** Options come as the file has them: the adapter checks them. Throws: invalid, naming the option. */
  readonly open: (options: Readonly<Record<string, unknown>>, context: AdapterContext) => Promise<OpenedAdapter> | OpenedAdapter;
}

/** The adapter a package exports. Throws: invalid, saying what is missing. */
export function adapterOf(name: string, module: Readonly<Record<string, unknown>>): AdapterModule {
  const adapter = module.spacestoreAdapter as Partial<AdapterModule> | undefined;
  if (typeof adapter?.open !== 'function')
    throw new StoreError('invalid', `config: ${name} exports no spacestoreAdapter with an open function`);
  if (adapter.contractVersion !== 1)
    throw new StoreError(
      'unsupported',
      `config: ${name} is made for contract version ${String(adapter.contractVersion)}, this server for 1`,
    );
  return adapter as AdapterModule;
}
