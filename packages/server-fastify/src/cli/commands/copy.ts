import { resolve } from 'node:path';
import { eachItem, parseWorkspaceId, StoreError, type WorkspaceId } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import { copyWorkspace, type WorkspaceCopied } from '../../copy/copy-workspace.ts';
import { type CopyPlace, copyPlace } from '../copy-place.ts';
import { fail, print } from '../output.ts';
import { progress } from '../progress.ts';

const args = {
  from: { type: 'string', description: 'configuration file or data folder to copy from', required: true, valueHint: 'file|folder' },
  to: {
    type: 'string',
    description: 'configuration file or data folder to copy to; no server may run on it',
    required: true,
    valueHint: 'file|folder',
  },
  workspace: { type: 'string', description: 'only this one', valueHint: 'id' },
  switch: {
    type: 'boolean',
    description: 'the last time: stop the servers of the source first; its logs take nothing from then on, and the rest goes over',
    default: false,
  },
  json: { type: 'boolean', description: 'print one JSON object', default: false },
} as const;

export const copyCommand: CommandDef<typeof args> = defineCommand({
  meta: {
    name: 'copy',
    description:
      'Copies workspaces from one set of stores to another, byte for byte, with their times, files, secrets and members, and compares by digest. A server may run on the source. Begun again it copies only what is new.',
  },
  args,
  run: async ({ args: given }) => {
    try {
      const only = given.workspace === undefined ? undefined : parseWorkspaceId(given.workspace);
      if (resolve(given.from) === resolve(given.to)) throw new StoreError('invalid', '--from and --to are the same');
      const source = await copyPlace(given.from, { hold: given.switch, makeKeys: false });
      try {
        const target = await copyPlace(given.to, { hold: true, makeKeys: true });
        try {
          const done = await copyAll(source, target, only, given.switch);
          print(given.json, { workspaces: done }, [...done.map(lineOf), closingLine(done.length, given)]);
        } finally {
          await target.close();
        }
      } finally {
        await source.close();
      }
    } catch (error) {
      fail(given.json, error);
    }
  },
});

async function copyAll(
  source: CopyPlace,
  target: CopyPlace,
  only: WorkspaceId | undefined,
  last: boolean,
): Promise<readonly WorkspaceCopied[]> {
  const { directory, ops } = source.stores;
  const ids: WorkspaceId[] = [];
  if (only) ids.push(only);
  else for await (const { id } of eachItem((query) => directory.list({ ...query, state: 'active' }))) ids.push(id);
  const done: WorkspaceCopied[] = [];
  for (const workspace of ids) {
    const { fileBytes } = await directory.usage(workspace);
    let shown = progress(`${workspace}: records`, 'records', (await ops.head(workspace))?.records);
    let inFiles = false;
    const onRecords = (count: number): void => {
      if (!inFiles) shown.add(count);
    };
    const onFile = (sizeBytes: number): void => {
      if (!inFiles) {
        shown.stop();
        shown = progress(`${workspace}: files`, 'bytes', fileBytes);
        inFiles = true;
      }
      shown.add(sizeBytes);
    };
    try {
      done.push(await copyWorkspace(source.stores, target.stores, workspace, { switch: last, onRecords, onFile }));
      await target.recount(workspace);
    } finally {
      shown.stop();
    }
  }
  return done;
}

function lineOf({ workspace, records, digest, files, fileBytes, secrets }: WorkspaceCopied): string {
  return `${workspace}: ${records} records (${digest.slice(0, 16)}…), ${files} files (${fileBytes} bytes), ${secrets} secrets: equal`;
}

function closingLine(count: number, { switch: last, to }: { readonly switch: boolean; readonly to: string }): string {
  return last
    ? `${count} workspaces moved: start the server on ${to}. The source takes no more records.`
    : `${count} workspaces copied. When nothing is to change any more, stop the servers of the source and run this again with --switch.`;
}
