import type { Directory, WorkspaceEntry } from '../contracts/directory.ts';
import type { FileIndex } from '../contracts/file-index.ts';
import type { OpStore } from '../contracts/op-store.ts';
import type { SecretStore } from '../contracts/secret-store.ts';
import { StoreError } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LogReport } from './log/verify-log.ts';
import type { SqliteStores } from './sqlite-stores.ts';

/** What a server opens under an adapter's name. */
export interface ServedStores {
  readonly ops: OpStore;
  readonly secrets: SecretStore;
  readonly files: FileIndex;
  readonly directory: Directory;
  /** Throws: unavailable while writing can't work. */
  readonly ready: () => Promise<void>;
  readonly verify: (workspace: WorkspaceId) => Promise<LogReport | undefined>;
  readonly release: () => Promise<void>;
}

/** The stores of a folder for one server: held against others if `hold`, and what the directory says of a workspace is copied into that workspace's own
 *  file, for whoever has that file alone. Throws: busy if somebody else holds the folder; then the stores are closed. */
export async function servedStores(stores: SqliteStores, hold: boolean): Promise<ServedStores> {
  const { ops, secrets, files, directory } = stores;
  let held: { readonly release: () => void } | undefined;
  try {
    held = hold ? stores.hold() : undefined;
  } catch (error) {
    await stores.close();
    throw error;
  }
  return {
    ops,
    secrets,
    files,
    directory: describing(directory, ({ id, name, createdAt, owner }) =>
      stores.describe(id, { uri: `spacestore:${id}`, name, createdAt, userId: owner }),
    ),
    ready: async () => {
      const { writable, reason } = stores.health();
      if (!writable) throw new StoreError('unavailable', `the stores can't write: ${reason ?? 'unknown'}`);
    },
    verify: stores.verifyWorkspace,
    release: async () => {
      await stores.close();
      held?.release();
    },
  };
}

function describing(directory: Directory, copy: (entry: WorkspaceEntry) => Promise<void>): Directory {
  return {
    ...directory,
    create: async (workspace, call) => {
      const entry = await directory.create(workspace, call);
      await copy(entry);
      return entry;
    },
    update: async (workspace, patch, call) => {
      const entry = await directory.update(workspace, patch, call);
      await copy(entry);
      return entry;
    },
    transfer: async (workspace, to, call) => {
      const epoch = await directory.transfer(workspace, to, call);
      const entry = await directory.get(workspace, call);
      if (entry?.state === 'active') await copy(entry);
      return epoch;
    },
  };
}
