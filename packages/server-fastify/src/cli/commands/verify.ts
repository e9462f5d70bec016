import { parseWorkspaceId } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import { folderTarget } from '../folder-target.ts';
import { exitCodes, fail, print } from '../output.ts';
import { progress } from '../progress.ts';

const args = {
  workspace: { type: 'string', description: 'only this one', valueHint: 'id' },
  files: { type: 'boolean', description: 'read every file and compare its hash; --no-files leaves them out', default: true },
  data: { type: 'string', description: 'data folder (default ./data); a server may run beside', valueHint: 'folder' },
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
        change: false,
        ...(given.data !== undefined && { data: given.data }),
        ...(given.config !== undefined && { config: given.config }),
      });
      const found: Finding[] = [];
      let records = 0;
      try {
        const ids = given.workspace === undefined ? await target.workspaces() : [parseWorkspaceId(given.workspace)];
        for (const workspace of ids) {
          const shown = progress(`verifying ${workspace}`, 'bytes of files', undefined);
          try {
            const report = await target.verifyLog(workspace);
            records += report.records;
            for (const { kind, message, position } of report.problems)
              found.push({ workspace, problem: `${kind}${position === undefined ? '' : ` at position ${position}`}: ${message}` });
            if (given.files) for (const problem of await target.verifyFiles(workspace, shown.add)) found.push({ workspace, problem });
          } finally {
            shown.stop();
          }
        }
        const row = await target.verifyAudit();
        if (row !== undefined) found.push({ problem: `the audit was changed at row ${row}` });
        const told = found.map(({ workspace, problem }) => `${workspace ?? 'audit'}: ${problem}`);
        print(given.json, { workspaces: ids.length, records, findings: found }, [
          ...told,
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
