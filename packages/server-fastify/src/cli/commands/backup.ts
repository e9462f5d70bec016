import { parseWorkspaceId } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import { fail, print } from '../output.ts';
import { counted, progress } from '../progress.ts';
import { targetArgs, withTarget } from '../target-args.ts';
import { writeOut } from '../write-out.ts';

const own = {
  file: { type: 'positional', description: 'file to write, or - for standard output', required: true },
  workspace: { type: 'string', description: 'workspace to back up', required: true, valueHint: 'id' },
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
      const bytes = await withTarget(given, false, async (target) => {
        const backup = await target.backup(parseWorkspaceId(given.workspace));
        const shown = progress('backing up', 'bytes', backup.sizeBytes);
        try {
          return await writeOut(given.file, counted(backup.bytes, shown));
        } finally {
          shown.stop();
        }
      });
      if (given.file !== '-') print(given.json, { file: given.file, bytes }, [`${given.file}: ${bytes} bytes`]);
    } catch (error) {
      fail(given.json, error);
    }
  },
});
