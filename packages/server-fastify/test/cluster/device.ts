import { createClient } from '@spacestore/client';
import { type OpRecord, parseWorkspaceId, type WorkspaceId } from '@spacestore/core';
import { memoryOutbox } from '@spacestore/core/memory';
import { record } from '../sync/wire-client.ts';

export const shared: WorkspaceId = parseWorkspaceId('shared');

/** A client with all of the workspace, and what it got of it. */
export interface Device {
  /** Every record by its id: its own and what it received. */
  readonly records: ReadonlyMap<string, string>;
  /** Writes so many records more, in a few calls. */
  readonly write: (count: number) => Promise<void>;
  /** Resolves when all it wrote is acknowledged. */
  readonly flush: () => Promise<void>;
  readonly refused: () => number;
  /** Resolves when it has so many. */
  readonly has: (count: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

export function openDevice(url: string, token: string, name: string, random: () => number): Device {
  const outbox = memoryOutbox();
  const client = createClient({ url, token: () => token, outbox, random, session: { backoffBaseMs: 20, backoffCapMs: 200 } });
  const handle = client.workspace(shared, { peers: [], trees: 'all' });
  const records = new Map<string, string>();
  const waiting = new Set<() => void>();
  let written = 0;
  const keep = (list: readonly OpRecord[]): void => {
    for (const each of list) records.set(`${each.tree}/${each.peer}/${each.counter}`, Buffer.from(each.body).toString());
    for (const wake of waiting) wake();
  };
  handle.onRecords(keep);
  return {
    records,
    write: async (count) => {
      for (const end = written + count; written < end; ) {
        const size = Math.min(end - written, 1 + Math.floor(random() * 5));
        const call = Array.from({ length: size }, () => record(++written, { peer: name, body: `${name} ${written} ${random()}` }));
        await handle.append(call);
        keep(call);
      }
    },
    flush: () => handle.flush(),
    refused: () => handle.status.value.refused,
    has: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (records.size < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    close: async () => {
      await client.close();
      await outbox.close();
    },
  };
}

/** Numbers in [0, 1) that are the same on every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
