import type { ByteSource } from '../contracts/blob-store.ts';
import type { Head } from '../contracts/op-store.ts';
import { StoreError } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { SqlWork } from './database.ts';
import type { Folder } from './folder.ts';
import { readHead } from './log/log-head.ts';
import { verifyLog } from './log/verify-log.ts';
import type { RestoreFile } from './restore-file.ts';
import { sealedSource, unsealedSource } from './sealed-source.ts';
import type { WorkspaceCopies } from './sql-op-store.ts';
import type { SqliteEngine } from './sqlite-engine.ts';
import { closeQuietly, openSqliteFile, type SqliteFile, type SqliteFileOptions, TransactionFailed, transact } from './sqlite-file.ts';
import type { WorkspaceFiles } from './workspace-files.ts';
import { workspaceSchema } from './workspace-schema.ts';

export interface WorkspaceCopiesOptions extends SqliteFileOptions {
  readonly maxSnapshotBytes: number;
  readonly maxBodyBytes: number;
  readonly pause: () => Promise<void>;
  readonly restoreFile: RestoreFile;
}

/** Snapshots are whole workspace files: log, secrets and file index. A restore copies the rows in, in one transaction: other handles and
 *  processes that have the file open go on with it, and a crash leaves the old state or the new one. */
export function workspaceCopies(
  engine: SqliteEngine,
  folder: Folder,
  files: WorkspaceFiles,
  options: WorkspaceCopiesOptions,
): WorkspaceCopies {
  const removeTemporary = (name: string): void => {
    for (const suffix of ['-wal', '-shm', '-journal', '']) folder.remove(name + suffix);
  };

  const snapshot = async (workspace: WorkspaceId): Promise<ByteSource | undefined> => {
    if (!(await files.read(workspace, () => readHead()))) return undefined;
    const name = folder.temporaryName('snapshot');
    try {
      folder.touch(name);
      const done = await files.hold(workspace, async ({ handle }) => {
        await handle.backup(folder.pathOf(name));
        return true;
      });
      return done ? sealedSource(folder.asSource(name)) : undefined;
    } catch (error) {
      removeTemporary(name);
      throw engine.storeError(error);
    }
  };

  const restore = async (workspace: WorkspaceId, source: ByteSource, signal?: AbortSignal): Promise<Head> => {
    const name = folder.temporaryName('restore');
    try {
      await folder.write(name, unsealedSource(source), options.maxSnapshotBytes, signal ? { signal } : undefined);
      await check(workspace, name);
      return await files.replace(workspace, (path) =>
        options.restoreFile({ path, incoming: folder.pathOf(name), busyTimeoutMs: options.busyTimeoutMs }),
      );
    } finally {
      removeTemporary(name);
    }
  };

  const check = async (workspace: WorkspaceId, name: string): Promise<void> => {
    const file = openSqliteFile(engine, folder.pathOf(name), workspaceSchema, options);
    try {
      checkOrigin(file, workspace);
      const report = await verifyLog(async (work) => readFile(engine, file, work), { pause: options.pause, maxProblems: 10 });
      if (!report) throw new StoreError('corrupt', 'the snapshot holds no log');
      if (report.problems.length > 0)
        throw new StoreError('corrupt', 'the snapshot is damaged', { context: { problems: report.problems } });
      if (report.largestBody > options.maxBodyBytes)
        throw new StoreError('too_large', 'a body of the snapshot is too large', { context: { sizeBytes: report.largestBody } });
    } catch (error) {
      throw engine.storeError(error);
    } finally {
      closeQuietly(file.handle);
    }
  };

  return { snapshot, restore };
}

function readFile<Result>(engine: SqliteEngine, file: SqliteFile, work: SqlWork<Result>): Result {
  try {
    return transact(engine, file, 'BEGIN', work);
  } catch (failure) {
    throw failure instanceof TransactionFailed ? failure.error : failure;
  }
}

/** Throws: invalid (of another workspace), corrupt. */
function checkOrigin({ handle }: SqliteFile, workspace: WorkspaceId): void {
  const [owner, removed] = handle.rows('SELECT workspace, removed FROM meta', [])[0] ?? [];
  if (typeof owner !== 'string' || removed !== 0) throw new StoreError('corrupt', 'the snapshot does not say whose it is');
  if (owner !== workspace)
    throw new StoreError('invalid', 'the snapshot is of another workspace', { context: { workspace, found: owner } });
}
