import { type CallOptions, StoreError, type WorkspaceEntry, type WorkspaceId } from '@spacestore/core';
import { logLost } from '../service/fences.ts';
import type { Stores } from '../service/stores.ts';
import { copyEntry } from './entry-copy.ts';
import { compareFiles, copyFiles } from './file-copy.ts';
import { digestOfLog, logCopy } from './log-copy.ts';
import { compareSecrets, copySecrets } from './secret-copy.ts';

export interface CopyOptions {
  /** Ends the source: its log takes nothing from then on, and what came in until then goes over. */
  readonly switch: boolean;
  readonly onRecords?: (count: number) => void;
  readonly onFile?: (sizeBytes: number) => void;
  readonly call?: CallOptions;
}

export interface WorkspaceCopied {
  readonly workspace: WorkspaceId;
  readonly records: number;
  /** sha256 over every record with its position, time and author: equal on both sides. */
  readonly digest: string;
  readonly files: number;
  readonly fileBytes: number;
  readonly secrets: number;
  readonly switched: boolean;
}

/** Passes in which the source still had something new; a busier one needs `switch`. */
const maxPasses = 10;
/** Above any epoch that changes of membership reach: the source's log stays closed, whatever its directory says. */
const closingStep = 2 ** 40;

/** The target has the workspace as the source has it, verified by digest. Begun again it goes on where it was. The source may be written to meanwhile:
 *  it is caught up with, and the last of it with `switch` alone.
 *  Throws: conflict (the target has something else under this name), unavailable (the source is written to faster than it can be copied). */
export async function copyWorkspace(
  source: Stores,
  target: Stores,
  workspace: WorkspaceId,
  options: CopyOptions,
): Promise<WorkspaceCopied> {
  const { onRecords, onFile, call } = options;
  const found = await source.directory.get(workspace, call);
  if (found?.state !== 'active') throw new StoreError('not_found', `the source has no workspace ${workspace}`);
  const { blobRoot } = found;
  if (source.ops.capabilities.fence && (await source.ops.head(workspace, call)) === undefined) throw logLost();
  // What is listed has a log, also while nothing is in it yet. One that was listed before may have lost its own.
  const isNew = (await target.directory.get(workspace, call)) === undefined;
  if (isNew && target.ops.capabilities.fence) await target.ops.fence(workspace, 0, call);
  await copyEntry(source.directory, target.directory, found, call);
  const log = logCopy(source.ops, target.ops, workspace, call);
  for (let pass = 1; (await log.catchUp(onRecords)) > 0 && pass < maxPasses; ) pass++;
  let files = await copyFiles(source, target, workspace, blobRoot, onFile, call);
  let secrets = await copySecrets(source.secrets, target.secrets, workspace, call);

  if (options.switch) {
    await closeLog(source, found, call);
    const last = await source.directory.get(workspace, call);
    if (last?.state !== 'active') throw new StoreError('not_found', `the source has no workspace ${workspace} any more`);
    await copyEntry(source.directory, target.directory, last, call);
    files = await copyFiles(source, target, workspace, blobRoot, undefined, call);
    secrets = await copySecrets(source.secrets, target.secrets, workspace, call);
  }
  await log.catchUp(onRecords);

  const copied = log.copied();
  const there = await digestOfLog(target.ops, workspace, undefined, call);
  if (there.digest !== copied.digest || there.records !== copied.records) throw unequal('records', { ...copied, there });
  // Beside a server that goes on, files and secrets may differ by what came just now; after the switch they may not.
  if (options.switch) {
    const otherFiles = await compareFiles(source, target, workspace, blobRoot, call);
    const otherSecrets = await compareSecrets(source.secrets, target.secrets, workspace, call);
    if (otherFiles.length + otherSecrets.length > 0)
      throw unequal('files or secrets', { files: otherFiles.slice(0, 10), secrets: otherSecrets.slice(0, 10) });
  }
  const detail = { records: copied.records, digest: copied.digest, switched: options.switch };
  await target.directory.audit({ workspace, action: 'workspace.copy', outcome: 'done', detail }, call);
  if (options.switch) await source.directory.audit({ workspace, action: 'workspace.move', outcome: 'done', detail }, call);
  return { workspace, ...copied, files: files.files, fileBytes: files.fileBytes, secrets, switched: options.switch };
}

async function closeLog({ ops }: Stores, { id, epoch }: WorkspaceEntry, call: CallOptions | undefined): Promise<void> {
  if (!ops.capabilities.fence) throw new StoreError('unsupported', 'the source can’t be closed to writers: it has no fence');
  const head = await ops.head(id, call);
  await ops.fence(id, head && head.epoch >= closingStep ? head.epoch : epoch + closingStep, call);
}

function unequal(what: string, context: object): StoreError {
  return new StoreError('corrupt', `the ${what} of the target are not those of the source`, { context: { ...context } });
}
