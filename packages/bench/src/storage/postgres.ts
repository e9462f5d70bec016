import { type PostgresOptions, postgresStores } from '@spacestore/adapter-postgres';
import { type OpStore, parseWorkspaceId } from '@spacestore/core';
import { type BareRow, openBarePostgres } from '../baseline/bare-postgres.ts';
import { chunks, take, workload } from '../data/workload.ts';
import { type BenchContext, measure, seconds } from '../measure.ts';
import { type OwnPostgres, ownPostgres } from './own-postgres.ts';

/** The bars for a log in PostgreSQL, each measured in a database of its own. */
export async function postgresSuite(context: BenchContext): Promise<void> {
  const server = await ownPostgres();
  try {
    await batches(context, server, 1000, 100_000, 0.8);
    await batches(context, server, 100, 30_000);
    await sharedCommits(context, server);
  } finally {
    await server.close();
  }
}

async function withOps<Value>(
  server: OwnPostgres,
  work: (ops: OpStore) => Promise<Value>,
  options: Partial<PostgresOptions> = {},
): Promise<Value> {
  const stores = postgresStores({ url: await server.database(), ...options });
  try {
    await stores.ready();
    return await work(stores.ops);
  } finally {
    await stores.close();
  }
}

async function batches(context: BenchContext, server: OwnPostgres, batch: number, count: number, bar?: number): Promise<void> {
  const workspace = parseWorkspaceId('bench');
  const calls = chunks(
    take(workload({ peers: 1 }), count).map(({ record }) => record),
    batch,
  );
  await measure(
    context,
    { suite: 'storage', name: `PostgreSQL append, batches of ${batch}`, unit: 'records/s', better: 'higher', ...(bar && { bar, aim: 1 }) },
    () =>
      withOps(server, async (ops) => {
        const elapsed = await seconds(async () => {
          for (const records of calls) await ops.append(workspace, records);
        });
        return count / elapsed;
      }),
    async () => {
      const bare = await openBarePostgres(await server.database());
      let position = 0;
      const elapsed = await seconds(async () => {
        for (const records of calls)
          await bare.append(
            workspace,
            records.map(({ counter, body }): BareRow => [++position, 1, counter, Date.now(), position, body]),
          );
      });
      await bare.close();
      return count / elapsed;
    },
  );
}

/** 64 workspaces with one record each at the same time: those of a turn share a transaction; the baseline has one for each workspace, on ten connections. */
async function sharedCommits(context: BenchContext, server: OwnPostgres): Promise<void> {
  const workspaces = Array.from({ length: 64 }, (_, i) => parseWorkspaceId(`bench${i}`));
  const rounds = 60;
  const items = take(workload({ peers: 1 }), rounds).map(({ record }) => record);
  const turns = async (ops: OpStore): Promise<number> => {
    const elapsed = await seconds(async () => {
      for (const record of items) await Promise.all(workspaces.map((workspace) => ops.append(workspace, [record])));
    });
    return (workspaces.length * rounds) / elapsed;
  };
  await measure(
    context,
    { suite: 'storage', name: 'PostgreSQL, 64 workspaces at once vs one transaction each', unit: 'records/s', better: 'higher' },
    () => withOps(server, turns),
    () => withOps(server, turns, { writers: 10, group: { maxRecords: 1, maxBytes: 1 } }),
  );
}
