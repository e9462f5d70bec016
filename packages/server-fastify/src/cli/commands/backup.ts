import { parseWorkspaceId, StoreError, toStoreError } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import type { BackupManifest } from '../../service/backup-catalogue.ts';
import { exitCodes, fail, print } from '../output.ts';
import { counted, progress } from '../progress.ts';
import { type TargetArgs, targetArgs, withTarget } from '../target-args.ts';
import { writeOut } from '../write-out.ts';
import { backupLine } from './backups.ts';

const own = {
  file: { type: 'positional', description: 'file to write, or - for standard output', required: false },
  workspace: { type: 'string', description: 'workspace to back up; with --to-blobs all of them if absent', valueHint: 'id' },
  'to-blobs': {
    type: 'boolean',
    description: 'keep it where the server keeps files, signed; older ones beyond the number kept go',
    default: false,
  },
} as const;
const args: typeof own & typeof targetArgs = { ...own, ...targetArgs };

export const backupCommand: CommandDef<typeof args> = defineCommand({
  meta: {
    name: 'backup',
    description: 'Writes a workspace as it is at one moment, consistent while others write. `restore` reads it back.',
  },
  args,
  run: async ({ args: given }) => {
    try {
      if (given['to-blobs']) return await toBlobs(given);
      const { file, workspace } = given;
      if (file === undefined || workspace === undefined)
        throw new StoreError('invalid', 'name a file and a --workspace, or give --to-blobs');
      const bytes = await withTarget(given, false, async (target) => {
        const backup = await target.backup(parseWorkspaceId(workspace));
        const shown = progress('backing up', 'bytes', backup.sizeBytes);
        try {
          return await writeOut(file, counted(backup.bytes, shown));
        } finally {
          shown.stop();
        }
      });
      if (file !== '-') print(given.json, { file, bytes }, [`${file}: ${bytes} bytes`]);
    } catch (error) {
      fail(given.json, error);
    }
  },
});

interface ToBlobs extends TargetArgs {
  readonly file?: string | undefined;
  readonly workspace?: string | undefined;
  readonly json: boolean;
}

/** One workspace that can't be backed up keeps none of the others from it. */
async function toBlobs(given: ToBlobs): Promise<void> {
  if (given.file !== undefined) throw new StoreError('invalid', 'give either a file or --to-blobs');
  const done: ({ readonly workspace: string } & BackupManifest)[] = [];
  const failed: { readonly workspace: string; readonly code: string; readonly message: string }[] = [];
  await withTarget(given, true, async (target) => {
    const ids = given.workspace === undefined ? await target.workspaces() : [parseWorkspaceId(given.workspace)];
    const shown = progress('backing up', 'workspaces', ids.length);
    try {
      for (const workspace of ids) {
        try {
          done.push({ workspace, ...(await target.storeBackup(workspace)) });
        } catch (error) {
          if (given.workspace !== undefined) throw error;
          const { code, message } = toStoreError(error);
          failed.push({ workspace, code, message });
        }
        shown.add(1);
      }
    } finally {
      shown.stop();
    }
  });
  print(given.json, { backups: done, failed }, [
    ...done.map((each) => `${each.workspace}: backup ${backupLine(each)}`),
    ...(done.length + failed.length === 0 ? ['no workspaces'] : []),
    ...failed.map(({ workspace, code, message }) => `${workspace}: NOT backed up: ${code}: ${message}`),
  ]);
  if (failed.length > 0) process.exitCode = exitCodes.found;
}
