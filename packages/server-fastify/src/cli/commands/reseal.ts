import { parseWorkspaceId } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import { folderTarget } from '../folder-target.ts';
import { fail, print } from '../output.ts';
import { progress } from '../progress.ts';

const args = {
  workspace: { type: 'string', description: 'only this one', valueHint: 'id' },
  data: { type: 'string', description: 'data folder (default ./data); a server may run beside', valueHint: 'folder' },
  config: { type: 'string', description: 'configuration file of the server', valueHint: 'file' },
  json: { type: 'boolean', description: 'print one JSON object', default: false },
} as const;

/** Servers that run beside must have the new key already. Cut off, it goes on where it was. */
export const resealCommand: CommandDef<typeof args> = defineCommand({
  meta: {
    name: 'reseal',
    description:
      'Seals every secret with the first key of the configured ones, so that older keys can go. Again it does only what is left.',
  },
  args,
  run: async ({ args: given }) => {
    try {
      const { data, config } = given;
      const target = await folderTarget({ change: false, ...(data !== undefined && { data }), ...(config !== undefined && { config }) });
      const done: { workspace: string; resealed: number; kept: number }[] = [];
      try {
        const ids = given.workspace === undefined ? await target.workspaces() : [parseWorkspaceId(given.workspace)];
        const shown = progress('resealing', 'workspaces', ids.length);
        try {
          for (const workspace of ids) {
            done.push({ workspace, ...(await target.reseal(workspace)) });
            shown.add(1);
          }
        } finally {
          shown.stop();
        }
      } finally {
        await target.close();
      }
      print(given.json, { workspaces: done }, [
        ...done.filter(({ resealed }) => resealed > 0).map(({ workspace, resealed }) => `${workspace}: ${resealed} resealed`),
        `${done.length} workspaces: every secret is sealed with the first key`,
      ]);
    } catch (error) {
      fail(given.json, error);
    }
  },
});
