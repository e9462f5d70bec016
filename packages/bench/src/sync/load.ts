import type { OpRecord } from '@spacestore/core';
import { edits, takeEdits } from '../data/edits.ts';
import { chunks } from '../data/workload.ts';
import type { Driver } from './driver.ts';

export interface Load {
  /** In each workspace. */
  readonly writers: number;
  readonly readers: number;
  readonly workspaces: number;
  /** Over all workspaces. */
  readonly edits: number;
  /** Edits a frame. */
  readonly batch: number;
}

export interface LoadFigures {
  /** Deliveries to readers where there are several, edits otherwise. */
  readonly unitsPerSecond: number;
  readonly cpuMicrosPerUnit: number;
}

/** Frames a writer has on their way at most: enough to keep a server busy, few enough to keep it honest. */
const window = 64;

/** Sends all edits as fast as they are acknowledged; ends when every acknowledgement and every delivery has come. */
export async function runLoad(driver: Driver, dir: string, load: Load): Promise<LoadFigures> {
  const server = await driver.start(dir);
  try {
    const workspaces = Array.from({ length: load.workspaces }, (_, n) => `bench-${n}`);
    await driver.prepare(server, workspaces);
    const perWriter = Math.ceil(load.edits / (load.workspaces * load.writers));
    const total = perWriter * load.writers * load.workspaces;
    const deliveries = total * load.readers;
    let delivered = 0;
    let finishReading: () => void = () => undefined;
    const allDelivered = new Promise<void>((resolve) => {
      finishReading = resolve;
      if (deliveries === 0) resolve();
    });
    const onRecords = (records: number): void => {
      delivered += records;
      if (delivered >= deliveries) finishReading();
    };
    const writers: (() => Promise<void>)[] = [];
    for (const [index, workspace] of workspaces.entries()) {
      for (let r = 0; r < load.readers; r++) await driver.connect(server, workspace, { onRecords });
      for (let w = 0; w < load.writers; w++) {
        const frames = chunks(takeEdits(edits(1 + index * load.writers + w), perWriter), load.batch);
        writers.push(await writer(driver, server, workspace, frames));
      }
    }
    const before = await server.figures();
    const start = performance.now();
    await Promise.all([allDelivered, ...writers.map((run) => run())]);
    const elapsed = (performance.now() - start) / 1000;
    const after = await server.figures();
    const units = load.readers > 1 ? deliveries : total;
    return { unitsPerSecond: units / elapsed, cpuMicrosPerUnit: (after.cpuMicros - before.cpuMicros) / units };
  } finally {
    await server.kill();
  }
}

async function writer(
  driver: Driver,
  server: Awaited<ReturnType<Driver['start']>>,
  workspace: string,
  frames: readonly OpRecord[][],
): Promise<() => Promise<void>> {
  let acknowledged = 0;
  let sent = 0;
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const connection = await driver.connect(server, workspace, {
    onAck: (batches) => {
      acknowledged += batches;
      pump();
      if (acknowledged >= frames.length) finish();
    },
  });
  const pump = (): void => {
    while (sent < frames.length && sent - acknowledged < window) connection.send(frames[sent++] as OpRecord[]);
  };
  return () => {
    pump();
    return finished;
  };
}
