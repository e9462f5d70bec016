import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { parseWorkspaceId } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import { fail, print } from '../output.ts';
import { counted, progress } from '../progress.ts';
import { targetArgs, withTarget } from '../target-args.ts';
import { writeOut } from '../write-out.ts';

const own = {
  file: { type: 'positional', description: 'file to write, or - for standard output', default: '-' },
  workspace: { type: 'string', description: 'workspace to export', required: true, valueHint: 'id' },
  trees: { type: 'string', description: 'only these trees, separated by commas', valueHint: 'id,id' },
} as const;
const args: typeof own & typeof targetArgs = { ...own, ...targetArgs };

export const exportCommand: CommandDef<typeof args> = defineCommand({
  meta: {
    name: 'export',
    description: 'Writes all operations of one moment, one JSON object a line, in commit order; gzip if the file name ends in .gz.',
  },
  args,
  run: async ({ args: given }) => {
    try {
      const bytes = await withTarget(given, false, async (target) => {
        const lines = await target.export(parseWorkspaceId(given.workspace), given.trees?.split(','));
        const shown = progress('exporting', 'bytes', undefined);
        try {
          const all = counted(lines, shown);
          return await writeOut(
            given.file,
            given.file.endsWith('.gz')
              ? (Readable.from(all, { objectMode: false }).compose<NodeJS.ReadableStream>(createGzip()) as AsyncIterable<Uint8Array>)
              : all,
          );
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
