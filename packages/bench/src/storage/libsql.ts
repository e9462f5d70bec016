import { join } from 'node:path';
import { libsqlStores } from '@spacestore/adapter-libsql';
import { parseWorkspaceId } from '@spacestore/core';
import { openBareLibsql } from '../baseline/bare-libsql.ts';
import { chunks, take, workload } from '../data/workload.ts';
import { type BenchContext, measure, seconds, withFolder } from '../measure.ts';

const workspace = parseWorkspaceId('bench');

/** The bars for a log in libSQL. The last row says what the encryption of files costs. */
export async function libsqlSuite(context: BenchContext): Promise<void> {
  const count = 96_000;
  const calls = chunks(
    take(workload({ peers: 1 }), count).map(({ record }) => record),
    1000,
  ).map((records) => records.slice(0, 992)); // whole sixteens
  const appended = calls.length * 992;

  const ours = (encryptionKey?: string) => () =>
    withFolder(async (dir) => {
      const { ops, close } = libsqlStores({ dir, ...(encryptionKey !== undefined && { encryptionKey }) });
      const elapsed = await seconds(async () => {
        for (const records of calls) await ops.append(workspace, records);
      });
      await close();
      return appended / elapsed;
    });
  const bare = () =>
    withFolder(async (dir) => {
      const store = openBareLibsql(join(dir, 'bare.db'));
      let position = 0;
      const elapsed = await seconds(() => {
        for (const records of calls) store.append(records.map(({ counter, body }) => [++position, counter, body]));
      });
      store.close();
      return appended / elapsed;
    });

  const common = { suite: 'storage', unit: 'records/s', better: 'higher' } as const;
  await measure(context, { ...common, name: 'libSQL append, batches of 1000', bar: 0.8, aim: 1 }, ours(), bare);
  await measure(context, { ...common, name: 'libSQL append, batches of 1000, encrypted vs not' }, ours('a key'), ours());
}
