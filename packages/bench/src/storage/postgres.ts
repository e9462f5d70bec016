import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { type PostgresOptions, postgresStores } from '@spacestore/adapter-postgres';
import { type OpStore, parseWorkspaceId } from '@spacestore/core';
import { type Embedded, startEmbedded } from '../../../adapter-postgres/test/support/embedded.ts';
import { addressOf, asAdmin } from '../../../adapter-postgres/test/support/server.ts';
import { type BareRow, openBarePostgres } from '../baseline/bare-postgres.ts';
import { chunks, take, workload } from '../data/workload.ts';
import { type BenchContext, measure, seconds } from '../measure.ts';

/** The bars for a log in PostgreSQL. Its server is started for them, with its files on the disk of the folder for temporary ones. */
export async function postgresSuite(context: BenchContext): Promise<void> {
  const server = await startEmbedded({ under: tmpdir() });
  try {
    await batches(context, server, 1000, 100_000, 0.8);
    await batches(context, server, 100, 30_000);
    await sharedCommits(context, server);
  } finally {
    await server.remove();
  }
}

/** A database that nobody used, for an ordinary user. */
async function withDatabase<Value>({ url }: Embedded, work: (url: string) => Promise<Value>): Promise<Value> {
  const name = `bench_${randomBytes(6).toString('hex')}`;
  await asAdmin(url, async (client) => {
    await client.query(`CREATE ROLE ${name} LOGIN PASSWORD 'password'`);
    await client.query(`CREATE DATABASE ${name} OWNER ${name}`);
  });
  return work(addressOf(url, name, name, 'password'));
}

function withOps<Value>(server: Embedded, work: (ops: OpStore) => Promise<Value>, options: Partial<PostgresOptions> = {}): Promise<Value> {
  return withDatabase(server, async (url) => {
    const stores = postgresStores({ url, ...options });
    try {
      await stores.ready();
      return await work(stores.ops);
    } finally {
      await stores.close();
    }
  });
}

async function batches(context: BenchContext, server: Embedded, batch: number, count: number, bar?: number): Promise<void> {
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
    () =>
      withDatabase(server, async (url) => {
        const bare = await openBarePostgres(url);
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
      }),
  );
}

/** 64 workspaces with one record each at the same time: those of a turn share a transaction; the baseline has one for each workspace, on ten connections. */
async function sharedCommits(context: BenchContext, server: Embedded): Promise<void> {
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
