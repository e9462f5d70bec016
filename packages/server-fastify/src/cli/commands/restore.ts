import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { parseWorkspaceId } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import { fail, print } from '../output.ts';
import { counted, progress } from '../progress.ts';
import { createArgs, parseCodec, targetArgs, withTarget } from '../target-args.ts';

const own = {
  file: { type: 'positional', description: 'file that `backup` wrote', required: true },
  workspace: { type: 'string', description: 'workspace to restore', required: true, valueHint: 'id' },
} as const;
const args: typeof own & typeof createArgs & typeof targetArgs = { ...own, ...createArgs, ...targetArgs };

export const restoreCommand: CommandDef<typeof args> = defineCommand({
  meta: {
    name: 'restore',
    description:
      'Replaces a workspace by a backup of it, under a new history: clients notice, continue from the fork and send again what the backup lacks.',
  },
  args,
  run: async ({ args: given }) => {
    try {
      const workspace = parseWorkspaceId(given.workspace);
      const codec = parseCodec(given.codec);
      const head = await withTarget(given, true, async (target) => {
        const { size } = await stat(given.file);
        if (given.create) await target.ensure(workspace, codec);
        const shown = progress('restoring', 'bytes', size);
        try {
          return await target.restore(workspace, { bytes: counted(createReadStream(given.file), shown), sizeBytes: size });
        } finally {
          shown.stop();
        }
      });
      print(given.json, head, [`${given.workspace}: ${head.records} records, new incarnation ${head.incarnation}`]);
    } catch (error) {
      fail(given.json, error);
    }
  },
});
