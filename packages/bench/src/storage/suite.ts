import type { BenchContext } from '../measure.ts';
import { appendSuite } from './append.ts';
import { growthSuite } from './growth.ts';
import { libsqlSuite } from './libsql.ts';
import { millionSuite } from './million.ts';
import { postgresSuite } from './postgres.ts';
import { spaceSuite } from './space.ts';

/** The bars for a log, on SQLite, in libSQL and in PostgreSQL. */
export async function storageSuite(context: BenchContext): Promise<void> {
  await appendSuite(context);
  await libsqlSuite(context);
  await postgresSuite(context);
  await spaceSuite(context);
  await millionSuite(context, 1_000_000);
  await growthSuite(context, [1_000_000, 10_000_000]);
}
