import { createClient, parseEndpoint, webSocketTransport } from '@spacestore/client';
import { type OpRecord, type Outbox, parseWorkspaceId, type WorkspaceId } from '@spacestore/core';
import { countingTransport } from './counting-transport.ts';

export const demoWorkspace: WorkspaceId = parseWorkspaceId('demo');

/** A device in the workspace: what it made and what it received, by id. */
export interface Participant {
  readonly records: ReadonlyMap<string, OpRecord>;
  readonly append: (records: readonly OpRecord[]) => Promise<void>;
  readonly pending: () => number;
  readonly acknowledged: () => number;
  readonly refused: () => number;
  readonly flush: () => Promise<void>;
  /** Resolves when it has `count` records. */
  readonly has: (count: number) => Promise<void>;
  readonly bytes: () => { readonly sent: number; readonly received: number };
  readonly close: () => Promise<void>;
}

export function joinDemo(address: string, token: string, outbox: Outbox, peers: readonly OpRecord['peer'][]): Participant {
  const transport = countingTransport(webSocketTransport());
  const client = createClient({
    url: parseEndpoint(address, { insecure: false }).ws,
    token: () => token,
    outbox,
    transport,
    session: { backoffBaseMs: 50, backoffCapMs: 500 },
  });
  const handle = client.workspace(demoWorkspace, { peers, trees: 'all' });
  const records = new Map<string, OpRecord>();
  const waiting = new Set<{ readonly count: number; readonly resolve: () => void }>();
  const keep = (list: readonly OpRecord[]): void => {
    for (const { tree, peer, counter, body } of list) records.set(`${tree}/${peer}/${counter}`, { tree, peer, counter, body });
    for (const wait of waiting)
      if (records.size >= wait.count) {
        waiting.delete(wait);
        wait.resolve();
      }
  };
  handle.onRecords(keep);
  return {
    records,
    append: async (list) => {
      await handle.append(list);
      keep(list);
    },
    pending: () => handle.status.value.pending,
    acknowledged: () => handle.status.value.acknowledged,
    refused: () => handle.status.value.refused,
    flush: () => handle.flush(),
    has: (count) =>
      new Promise((resolve) => {
        if (records.size >= count) resolve();
        else waiting.add({ count, resolve });
      }),
    bytes: transport.bytes,
    close: async () => {
      await client.close();
      await transport.close();
      await outbox.close();
    },
  };
}
