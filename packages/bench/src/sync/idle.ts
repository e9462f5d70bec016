import { type BenchContext, measure, withFolder } from '../measure.ts';
import { baselineDriver } from './baseline-driver.ts';
import type { Driver } from './driver.ts';
import { ourDriver } from './our-driver.ts';

const few = 1000;
const many = 4000;

/** Kilobytes of server memory for each further idle connection, from the slope between 1,000 and 4,000. */
export async function idleSuite(context: BenchContext): Promise<void> {
  for (const [workspaces, bar] of [
    [2, 15],
    [1000, undefined],
  ] as const)
    await measure(
      { ...context, rounds: 1 },
      {
        suite: 'sync',
        name: `memory of a further idle connection, ${workspaces.toLocaleString('en-US')} workspaces`,
        unit: 'KB',
        better: 'lower',
        ...(bar === undefined ? {} : { bar, compare: 'value' as const }),
      },
      () => withFolder((dir) => slope(ourDriver, dir, workspaces)),
      () => withFolder((dir) => slope(baselineDriver, dir, workspaces)),
    );
}

async function slope(driver: Driver, dir: string, workspaces: number): Promise<number> {
  const server = await driver.start(dir);
  try {
    const names = Array.from({ length: workspaces }, (_, n) => `bench-${n}`);
    await driver.prepare(server, names);
    const open = async (from: number, to: number): Promise<number> => {
      for (let n = from; n < to; n += 50)
        await Promise.all(
          Array.from({ length: Math.min(50, to - n) }, (_, k) => driver.idle(server, names[(n + k) % workspaces] as string)),
        );
      await new Promise((resolve) => setTimeout(resolve, 500));
      return (await server.figures()).rssBytes;
    };
    const atFew = await open(0, few);
    const atMany = await open(few, many);
    return (atMany - atFew) / (many - few) / 1000;
  } finally {
    await server.kill();
  }
}
