import {
  type ByteSource,
  eachItem,
  parseUserId,
  StoreError,
  systemClock,
  type Usage,
  type UserId,
  type WorkspaceEntry,
  type WorkspaceId,
} from '@spacestore/core';
import { type Resealed, resealSecrets } from '@spacestore/core/layers';
import { loadConfig } from '../compose.ts';
import { composeStores } from '../compose-adapters.ts';
import { composeKeys } from '../compose-keys.ts';
import type { LogFindings } from '../config/adapter-module.ts';
import { serviceEvents } from '../events.ts';
import { defaultLimits } from '../limits.ts';
import type { Action } from '../permissions.ts';
import { logLost } from '../service/fences.ts';
import type { Grant } from '../service/grant.ts';
import { createServices } from '../services.ts';
import { checkDataFolder } from './data-folder.ts';
import type { Target } from './target.ts';

export interface FolderTargetOptions {
  readonly data?: string;
  readonly config?: string;
  /** Whether the command changes anything: then the folder is held against servers. */
  readonly change: boolean;
  /** Whether a data folder that is not there is made. */
  readonly create?: boolean;
  /** Owner of workspaces that are made. */
  readonly owner?: string;
}

export interface FileRepair {
  /** Uploads whose bytes are there, and verified: files now. */
  readonly completed: number;
  /** Uploads without bytes, and removals that were cut off. */
  readonly removed: number;
  /** By how much the count of files and bytes was wrong. */
  readonly usage: Usage;
}

/** A folder as a command sees it: more can be told of it than a server tells over the wire. */
export interface FolderTarget extends Target {
  readonly verifyLog: (workspace: WorkspaceId) => Promise<LogFindings>;
  /** Names files that are missing, cut or changed. */
  readonly verifyFiles: (workspace: WorkspaceId, onFile: (sizeBytes: number) => void) => Promise<readonly string[]>;
  /** Names backups in the blob store that are missing, cut or not to be trusted. */
  readonly verifyBackups: (workspace: WorkspaceId) => Promise<readonly string[]>;
  /** Uploads and removals that are not ended. */
  readonly unfinishedFiles: (workspace: WorkspaceId) => Promise<number>;
  /** Ends them, and counts anew what the files take. */
  readonly repairFiles: (workspace: WorkspaceId) => Promise<FileRepair>;
  /** Seals every secret with the current key. */
  readonly reseal: (workspace: WorkspaceId) => Promise<Resealed>;
  /** The first row of the audit that was changed afterwards. */
  readonly verifyAudit: () => Promise<number | undefined>;
}

/** The stores of a configuration without a server, acting as each workspace's owner. Throws: busy, if the folder is held and `change` is set;
 *  invalid, if it is not there. */
export async function folderTarget(options: FolderTargetOptions): Promise<FolderTarget> {
  const config = { ...(await loadConfig(options.config)), ...(options.data !== undefined && { data: options.data }) };
  if (options.create !== true) await checkDataFolder(config);
  const keys = await composeKeys(config, options.change ? undefined : 'look');
  const { stores, verify, release } = await composeStores(config, systemClock, options.change);
  const { ops, blobs, files, directory } = stores;
  const limits = { ...defaultLimits, ...config.limits };
  const services = createServices({ ...stores, clock: systemClock, limits, events: serviceEvents(), keys });

  const entryOf = async (workspace: WorkspaceId): Promise<WorkspaceEntry> => {
    const entry = await directory.get(workspace);
    if (entry?.state !== 'active') throw new StoreError('not_found', `there is no workspace ${workspace} in this folder`);
    return entry;
  };
  const owner = async (workspace: WorkspaceId): Promise<UserId> => (await entryOf(workspace)).owner;
  const grantFor = async (workspace: WorkspaceId, action: Action): Promise<Grant> =>
    services.gate.authorize({ user: await owner(workspace) }, workspace, action);

  return {
    ensure: async (id, codec) => {
      if ((await directory.get(id))?.state === 'active') return;
      const user = parseUserId(options.owner ?? 'me');
      await services.workspaces.create({ user }, { id, name: id, codec, settings: { relay: true, app: {} } });
    },
    import: async (workspace, bytes) => services.transfer.import(await grantFor(workspace, 'import'), bytes),
    export: async (workspace, trees) => utf8(await services.transfer.export(await grantFor(workspace, 'export'), trees)),
    backup: async (workspace) => {
      const source: ByteSource = await services.backup.take(await grantFor(workspace, 'backup'));
      return { bytes: source.open(), ...(source.sizeBytes !== undefined && { sizeBytes: source.sizeBytes }) };
    },
    restore: async (workspace, { bytes, sizeBytes }) =>
      services.backup.restore(await grantFor(workspace, 'restore'), { body: bytes, ...(sizeBytes !== undefined && { sizeBytes }) }),
    storeBackup: async (workspace) => services.backups.store(await grantFor(workspace, 'backup')),
    storedBackups: async (workspace) => services.backups.list(await grantFor(workspace, 'backup')),
    restoreStored: async (workspace, sequence) => services.backups.restore(await grantFor(workspace, 'restore'), sequence),
    sweepFiles: async (workspace, options) => services.sweep.sweep(await grantFor(workspace, 'files.delete'), options),
    workspaces: async () => {
      const ids: WorkspaceId[] = [];
      for (let query: { after?: string; limit: number } | undefined = { limit: 1000 }; query; ) {
        const page: Awaited<ReturnType<typeof directory.list>> = await directory.list({ ...query, state: 'active' });
        ids.push(...page.items.map((entry) => entry.id));
        query = page.next as typeof query;
      }
      return ids;
    },
    stats: async (workspace) => {
      await owner(workspace);
      const [head, usage] = await Promise.all([ops.head(workspace), directory.usage(workspace)]);
      if (!head && ops.capabilities.fence) throw logLost();
      let trees = 0;
      for (let query: { after?: string; limit: number } | undefined = { limit: 1000 }; query; ) {
        const page: Awaited<ReturnType<typeof ops.trees>> = await ops.trees(workspace, query);
        trees += page.items.length;
        query = page.next as typeof query;
      }
      return {
        workspace,
        records: head?.records ?? 0,
        logBytes: head?.bytes ?? 0,
        trees,
        files: usage.files,
        fileBytes: usage.fileBytes,
        incarnation: head?.incarnation ?? '',
        position: head?.position ?? 0,
        epoch: head?.epoch ?? 0,
      };
    },
    verifyLog: async (workspace) => {
      if (!verify) throw new StoreError('unsupported', 'the adapter of this log can not verify it');
      return (await verify(workspace)) ?? { records: 0, problems: [{ kind: 'missing', message: logLost().message }] };
    },
    verifyFiles: async (workspace, onFile) => {
      const root = (await entryOf(workspace)).blobRoot;
      const problems: string[] = [];
      for (let query: Parameters<typeof files.list>[1] | undefined = { state: 'ready', limit: 500 }; query; ) {
        const page: Awaited<ReturnType<typeof files.list>> = await files.list(workspace, query);
        for (const { key, sizeBytes } of page.items) {
          try {
            const content = await blobs.get(root, key);
            let bytes = 0;
            for await (const chunk of content?.body ?? []) bytes += chunk.length;
            if (!content) problems.push(`${key}: the file is missing`);
            else if (bytes !== sizeBytes) problems.push(`${key}: ${bytes} bytes instead of ${sizeBytes}`);
          } catch (error) {
            problems.push(`${key}: ${error instanceof Error ? error.message : String(error)}`);
          }
          onFile(sizeBytes);
        }
        query = page.next as typeof query;
      }
      return problems;
    },
    verifyBackups: async (workspace) => services.backups.verify(await entryOf(workspace)),
    unfinishedFiles: async (workspace) => {
      let unfinished = 0;
      for (const state of ['pending', 'deleting'] as const)
        for await (const _ of eachItem((query) => files.list(workspace, { ...query, state }))) unfinished++;
      return unfinished;
    },
    repairFiles: async (workspace) => {
      const entry = await entryOf(workspace);
      const settled = await services.pending.settleAll(entry);
      return { ...settled, usage: await services.pending.recount(workspace) };
    },
    reseal: async (workspace) => {
      await entryOf(workspace);
      return resealSecrets(stores.secrets, keys, workspace);
    },
    verifyAudit: () => directory.verifyAudit(),
    close: async () => {
      await Promise.all([ops.close(), blobs.close(), files.close(), stores.secrets.close()]);
      await directory.close();
      await release();
    },
  };
}

async function* utf8(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of lines) yield Buffer.from(text, 'utf8');
}
