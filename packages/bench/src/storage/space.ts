import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type OpRecord, parseTreeId, parseWorkspaceId } from '@spacestore/core';
import { openProposalStore, type ProposalStore } from '../baseline/proposal-sqlite.ts';
import { loadExample } from '../data/examples.ts';
import { chunks, type ProposalRow } from '../data/workload.ts';
import { type BenchContext, measure, withFolder } from '../measure.ts';
import { openOps } from './open-ops.ts';

const workspace = parseWorkspaceId('bench');
const copies = 8;

/** Bytes a record on disk for real histories, eight times under other tree ids, after a clean close of both. */
export async function spaceSuite(context: BenchContext): Promise<void> {
  for (const { file, calls, bar, aim } of [
    { file: 'fastify-history', calls: 100, bar: 0.62, aim: 0.33 },
    { file: 'sila-chats', calls: 1, bar: 0.46, aim: 0.25 },
  ] as const) {
    const items = await loadExample(file);
    const copied = Array.from({ length: copies }, (_, n) =>
      items.map(({ record, row }) => ({ record: retree(record, n), row: row.with(2, `${row[2]}-${n}`) as unknown as ProposalRow })),
    ).flat();
    await measure(
      { ...context, rounds: 1 },
      { suite: 'storage', name: `bytes a record, ${file} ×${copies}`, unit: 'B', better: 'lower', bar, aim },
      () =>
        withFolder(async (dir) => {
          const ops = openOps(dir);
          for (const part of chunks(copied, 256)) {
            if (calls === 1) await Promise.all(part.map((item) => ops.append(workspace, [item.record])));
            else
              for (const call of chunks(part, calls))
                await ops.append(
                  workspace,
                  call.map((item) => item.record),
                );
          }
          await ops.close();
          return (await bytesIn(dir)) / copied.length;
        }),
      () =>
        withFolder(async (dir) => {
          const base: ProposalStore = openProposalStore(join(dir, 'baseline.db'));
          for (const part of chunks(copied, calls)) base.append(part.map((item) => item.row));
          base.close();
          return (await bytesIn(dir)) / copied.length;
        }),
    );
  }
}

function retree(record: OpRecord, n: number): OpRecord {
  return { ...record, tree: parseTreeId(`${record.tree}-${n}`) };
}

async function bytesIn(dir: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) sum += (await stat(join(entry.parentPath, entry.name))).size;
  return sum;
}
