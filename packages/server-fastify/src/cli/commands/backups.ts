import { parseWorkspaceId } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import type { BackupManifest } from '../../service/backup-catalogue.ts';
import { fail, print } from '../output.ts';
import { targetArgs, withTarget } from '../target-args.ts';

const own = { workspace: { type: 'string', description: 'workspace whose backups to list', required: true, valueHint: 'id' } } as const;
const args: typeof own & typeof targetArgs = { ...own, ...targetArgs };

export const backupsCommand: CommandDef<typeof args> = defineCommand({
  meta: { name: 'backups', description: 'Lists the backups of a workspace that `backup --to-blobs` made, oldest first.' },
  args,
  run: async ({ args: given }) => {
    try {
      const found = await withTarget(given, false, (target) => target.storedBackups(parseWorkspaceId(given.workspace)));
      print(given.json, { backups: found }, found.length === 0 ? ['no backups'] : found.map(backupLine));
    } catch (error) {
      fail(given.json, error);
    }
  },
});

export function backupLine({ sequence, takenAt, takenBy, snapshot, log, files }: BackupManifest): string {
  return `${sequence}: ${new Date(takenAt).toISOString()} by ${takenBy}, ${log.records} records, ${files.files} files, ${snapshot.sizeBytes} bytes`;
}
