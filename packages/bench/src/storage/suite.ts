import type { BenchContext } from '../measure.ts';
import { appendSuite } from './append.ts';
import { growthSuite } from './growth.ts';
import { millionSuite } from './million.ts';
import { spaceSuite } from './space.ts';

/** The bars for a log on SQLite. */
export async function storageSuite(context: BenchContext): Promise<void> {
  await appendSuite(context);
  await spaceSuite(context);
  await millionSuite(context, 1_000_000);
  await growthSuite(context, [1_000_000, 10_000_000]);
}
