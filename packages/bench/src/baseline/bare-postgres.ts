import { Client } from 'pg';

/** What a row of the store holds, beside its workspace: the same columns under the same indexes. */
export type BareRow = readonly [position: number, pair: number, counter: number, receivedAt: number, digest: number, body: Uint8Array];

export interface BarePostgres {
  /** One statement, one transaction. */
  readonly append: (workspace: string, rows: readonly BareRow[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** A table like the one of the records and nothing around it: no head, no check for duplicates, no partitions, no policies. */
export async function openBarePostgres(url: string): Promise<BarePostgres> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`
    CREATE TABLE IF NOT EXISTS bare (
      workspace text COLLATE "C" NOT NULL, position bigint NOT NULL, pair integer NOT NULL, counter bigint NOT NULL, received_at bigint NOT NULL,
      digest bigint NOT NULL, via text, body bytea NOT NULL, PRIMARY KEY (workspace, position));
    CREATE UNIQUE INDEX IF NOT EXISTS bare_id ON bare (workspace, pair, counter) INCLUDE (position)`);
  return {
    append: async (workspace, rows) => {
      await client.query({
        name: 'append',
        text: `INSERT INTO bare (workspace, position, pair, counter, received_at, digest, body)
SELECT $1, * FROM unnest($2::bigint[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[])`,
        values: [workspace, ...[0, 1, 2, 3, 4].map((n) => rows.map((row) => row[n])), rows.map((row) => Buffer.from(row[5]))],
      });
    },
    close: () => client.end(),
  };
}
