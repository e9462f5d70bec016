import { parseWorkspaceId, StoreError } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import { fail, print } from '../output.ts';
import { counted, progress } from '../progress.ts';
import { readIn } from '../read-in.ts';
import { createArgs, parseCodec, targetArgs, withTarget } from '../target-args.ts';

const own = {
  file: { type: 'positional', description: 'file that `backup` wrote', required: false },
  'from-blobs': { type: 'boolean', description: 'from the backups that `backup --to-blobs` made', default: false },
  sequence: { type: 'string', description: 'which of them (see `backups`); the newest if absent', valueHint: 'number' },
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
      const sequence = parseSequence(given.sequence);
      const { file = '' } = given;
      if ((file === '') !== given['from-blobs']) throw new StoreError('invalid', 'name a file, or give --from-blobs');
      const source = file === '' ? undefined : await readIn(file);
      const head = await withTarget(given, true, async (target) => {
        if (given.create) await target.ensure(workspace, codec);
        if (!source) return target.restoreStored(workspace, sequence);
        const shown = progress('restoring', 'bytes', source.sizeBytes);
        try {
          return await target.restore(workspace, { ...source, bytes: counted(source.bytes, shown) });
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

function parseSequence(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new StoreError('invalid', '--sequence is the number of a backup: `spacestore backups` lists them');
}
