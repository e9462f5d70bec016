import { parseWorkspaceId } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import { fail, print } from '../output.ts';
import type { WorkspaceStats } from '../target.ts';
import { targetArgs, withTarget } from '../target-args.ts';

const own = { workspace: { type: 'string', description: 'only this one', valueHint: 'id' } } as const;
const args: typeof own & typeof targetArgs = { ...own, ...targetArgs };

export const statsCommand: CommandDef<typeof args> = defineCommand({
  meta: { name: 'stats', description: 'Counts what the workspaces hold.' },
  args,
  run: async ({ args: given }) => {
    try {
      const stats = await withTarget(given, false, async (target) => {
        const ids = given.workspace === undefined ? await target.workspaces() : [parseWorkspaceId(given.workspace)];
        const found: WorkspaceStats[] = [];
        for (const id of ids) found.push(await target.stats(id));
        return found;
      });
      print(given.json, { workspaces: stats }, stats.length === 0 ? ['no workspaces'] : stats.map(line));
    } catch (error) {
      fail(given.json, error);
    }
  },
});

function line(s: WorkspaceStats): string {
  return `${s.workspace}: ${s.records} records (${s.logBytes} bytes) in ${s.trees} trees, ${s.files} files (${s.fileBytes} bytes), position ${s.position}, epoch ${s.epoch}, incarnation ${s.incarnation}`;
}
