import { parseWorkspaceId } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import { type FileRepair, folderTarget } from '../folder-target.ts';
import { exitCodes, fail, print } from '../output.ts';
import { progress } from '../progress.ts';

const args = {
  workspace: { type: 'string', description: 'only this one', valueHint: 'id' },
  files: { type: 'boolean', description: 'read every file and compare its hash; --no-files leaves them out', default: true },
  repair: {
    type: 'boolean',
    description: 'end uploads and removals that a crash cut off, and count files anew; no server may run',
    default: false,
  },
  data: { type: 'string', description: 'data folder (default ./data); a server may run beside, unless with --repair', valueHint: 'folder' },
  config: { type: 'string', description: 'configuration file of the server', valueHint: 'file' },
  json: { type: 'boolean', description: 'print one JSON object', default: false },
} as const;

interface Finding {
  readonly workspace?: string;
  readonly problem: string;
}

/** Reads everything and names what is not as it was written. Exit code 1 if there is anything. */
export const verifyCommand: CommandDef<typeof args> = defineCommand({
  meta: {
    name: 'verify',
    description: 'Reads everything and names each record, file or audit row that is not as it was written. Exit code 1 if there is any.',
  },
  args,
  run: async ({ args: given }) => {
    try {
      const target = await folderTarget({
        change: given.repair,
        ...(given.data !== undefined && { data: given.data }),
        ...(given.config !== undefined && { config: given.config }),
      });
      const found: Finding[] = [];
      let records = 0;
      let unfinished = 0;
      const repaired: (FileRepair & { readonly workspace: string })[] = [];
      try {
        const ids = given.workspace === undefined ? await target.workspaces() : [parseWorkspaceId(given.workspace)];
        for (const workspace of ids) {
          const shown = progress(`verifying ${workspace}`, 'bytes of files', undefined);
          try {
            const report = await target.verifyLog(workspace);
            records += report.records;
            for (const { kind, message, position } of report.problems)
              found.push({ workspace, problem: `${kind}${position === undefined ? '' : ` at position ${position}`}: ${message}` });
            for (const problem of await target.verifyBackups(workspace)) found.push({ workspace, problem });
            if (given.repair) repaired.push({ workspace, ...(await target.repairFiles(workspace)) });
            else unfinished += await target.unfinishedFiles(workspace);
            if (given.files) for (const problem of await target.verifyFiles(workspace, shown.add)) found.push({ workspace, problem });
          } finally {
            shown.stop();
          }
        }
        const row = await target.verifyAudit();
        if (row !== undefined) found.push({ problem: `the audit was changed at row ${row}` });
        const told = found.map(({ workspace, problem }) => `${workspace ?? 'audit'}: ${problem}`);
        print(given.json, { workspaces: ids.length, records, findings: found, ...(given.repair ? { repaired } : { unfinished }) }, [
          ...told,
          ...repaired.filter(isRepaired).map(repairLine),
          ...(unfinished > 0
            ? [`${unfinished} uploads or removals of files are not ended: they may be under way, or --repair ends them`]
            : []),
          `${ids.length} workspaces, ${records} records: ${found.length === 0 ? 'all as written' : `${found.length} findings`}`,
        ]);
      } finally {
        await target.close();
      }
      if (found.length > 0) process.exitCode = exitCodes.found;
    } catch (error) {
      fail(given.json, error);
    }
  },
});

function isRepaired({ completed, removed, usage }: FileRepair): boolean {
  return completed + removed > 0 || usage.files !== 0 || usage.fileBytes !== 0;
}

function repairLine({ workspace, completed, removed, usage }: FileRepair & { readonly workspace: string }): string {
  return `${workspace}: ${completed} uploads completed, ${removed} cut-off uploads and removals ended, count of files corrected by ${usage.files} files and ${usage.fileBytes} bytes`;
}
