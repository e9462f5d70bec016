import { parseWorkspaceId } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import { exitCodes, fail, print } from '../output.ts';
import { counted, progress } from '../progress.ts';
import { readIn } from '../read-in.ts';
import { createArgs, parseCodec, targetArgs, withTarget } from '../target-args.ts';

const own = {
  file: { type: 'positional', description: 'JSONL file, or - for standard input', required: true },
  workspace: { type: 'string', description: 'workspace to import into', required: true, valueHint: 'id' },
} as const;
const args: typeof own & typeof createArgs & typeof targetArgs = { ...own, ...createArgs, ...targetArgs };

export const importCommand: CommandDef<typeof args> = defineCommand({
  meta: {
    name: 'import',
    description:
      'Adds operations from lines of JSON (plain or gzip). Importing again changes nothing. Exit code 1: some lines were left out, and named.',
  },
  args,
  run: async ({ args: given }) => {
    try {
      const workspace = parseWorkspaceId(given.workspace);
      const codec = parseCodec(given.codec);
      const { bytes, sizeBytes } = await readIn(given.file);
      const report = await withTarget(given, true, async (target) => {
        if (given.create) await target.ensure(workspace, codec);
        const shown = progress('importing', 'bytes', sizeBytes);
        try {
          return await target.import(workspace, counted(bytes, shown));
        } finally {
          shown.stop();
        }
      });
      const untold = report.conflicts + report.refused - report.problems.length;
      print(given.json, report, [
        `${report.lines} lines: ${report.added} added, ${report.duplicates} there already, ${report.conflicts} conflicts, ${report.refused} refused, ${report.transient} transient`,
        ...report.problems.map(({ line, code, message }) => `  line ${line}: ${code}: ${message}`),
        ...(untold > 0 ? [`  and ${untold} more`] : []),
      ]);
      if (report.conflicts + report.refused > 0) process.exitCode = exitCodes.found;
    } catch (error) {
      fail(given.json, error);
    }
  },
});
