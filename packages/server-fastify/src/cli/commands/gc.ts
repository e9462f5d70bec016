import { parseWorkspaceId, StoreError } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import type { Swept } from '../../service/file-sweep.ts';
import { fail, print } from '../output.ts';
import { progress } from '../progress.ts';
import { targetArgs, withTarget } from '../target-args.ts';

const own = {
  workspace: { type: 'string', description: 'only this one', valueHint: 'id' },
  grace: { type: 'string', description: 'how long after its last upload a file is left alone: 12h, 30d (default 30d)', valueHint: 'time' },
  remove: { type: 'boolean', description: 'remove them; without it they are only counted', default: false },
} as const;
const args: typeof own & typeof targetArgs = { ...own, ...targetArgs };

export const gcCommand: CommandDef<typeof args> = defineCommand({
  meta: {
    name: 'gc',
    description:
      'Finds files that no operation refers to, and with --remove removes them. Workspaces whose operations are opaque are left out.',
  },
  args,
  run: async ({ args: given }) => {
    try {
      const options = { graceMs: parseGrace(given.grace ?? '30d'), remove: given.remove };
      const found: ({ readonly workspace: string } & (Swept | { readonly skipped: string }))[] = [];
      await withTarget(given, given.remove, async (target) => {
        const ids = given.workspace === undefined ? await target.workspaces() : [parseWorkspaceId(given.workspace)];
        for (const workspace of ids) {
          const shown = progress(`${workspace}: looking through`, 'records', undefined);
          try {
            found.push({ workspace, ...(await target.sweepFiles(workspace, { ...options, onRecords: shown.add })) });
          } catch (error) {
            if (!(error instanceof StoreError) || error.code !== 'unsupported' || given.workspace !== undefined) throw error;
            found.push({ workspace, skipped: error.message });
          } finally {
            shown.stop();
          }
        }
      });
      print(given.json, { workspaces: found }, found.length === 0 ? ['no workspaces'] : found.map((each) => lineOf(each, given.remove)));
    } catch (error) {
      fail(given.json, error);
    }
  },
});

function lineOf(found: { readonly workspace: string } & (Swept | { readonly skipped: string }), remove: boolean): string {
  if ('skipped' in found) return `${found.workspace}: left out: ${found.skipped}`;
  const { workspace, unused, unusedBytes, removed, removedBytes } = found;
  const told = `${workspace}: ${unused} files that no operation refers to (${unusedBytes} bytes)`;
  if (remove) return `${told}, ${removed} removed (${removedBytes} bytes)`;
  return unused === 0 ? told : `${told}; --remove removes them`;
}

const hourMs = 3_600_000;

function parseGrace(text: string): number {
  const [, count, unit] = /^(\d{1,5})([hd])$/.exec(text) ?? [];
  if (count === undefined) throw new StoreError('invalid', '--grace takes a number with h or d: 12h, 30d');
  return Number(count) * hourMs * (unit === 'd' ? 24 : 1);
}
