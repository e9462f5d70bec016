import { edits, takeEdits } from '../data/edits.ts';
import { chunks } from '../data/workload.ts';
import { type BenchContext, measure, withFolder } from '../measure.ts';
import { ourDriver } from './our-driver.ts';

const frames = 500;
const perFrame = 20;

/** Records that were acknowledged and are not there after SIGKILL and a restart: the bar is none. */
export async function lossSuite(context: BenchContext): Promise<void> {
  await measure(
    context,
    {
      suite: 'sync',
      name: 'acknowledged records lost by SIGKILL',
      unit: 'records',
      better: 'lower',
      bar: 0,
      aim: 0,
      gate: true,
      compare: 'value',
    },
    (round) => withFolder((dir) => lostAfterKill(dir, round)),
  );
}

async function lostAfterKill(dir: string, round: number): Promise<number> {
  const server = await ourDriver.start(dir);
  await ourDriver.prepare(server, ['bench-0']);
  const calls = chunks(takeEdits(edits(40 + round), frames * perFrame), perFrame);
  let acknowledged = 0;
  const half = new Promise<void>((resolve, reject) => {
    ourDriver
      .connect(server, 'bench-0', {
        onAck: (batches) => {
          acknowledged += batches;
          if (acknowledged >= frames / 2) resolve();
        },
      })
      .then((connection) => {
        for (const records of calls) connection.send(records);
      })
      .catch(reject);
  });
  await half;
  await server.kill();
  const again = await ourDriver.start(dir);
  try {
    const { records } = await ourDriver.cold(again, 'bench-0');
    return Math.max(0, acknowledged * perFrame - records);
  } finally {
    await again.kill();
  }
}
