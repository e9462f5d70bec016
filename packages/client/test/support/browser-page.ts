// Runs in a browser: what the test of the browser loads, bundled with the client.

import { bytesSource, parseBlobRoot, parseWorkspaceId, readAll } from '@spacestore/core';
import { memoryOutbox } from '@spacestore/core/memory';
import { createClient, remoteStores } from '../../src/index.ts';
import { peerB, record, tree } from './records.ts';

export interface BrowserReport {
  readonly received: number;
  readonly bodies: boolean;
  readonly status: unknown;
  readonly head: number | undefined;
  readonly file: unknown;
  /** Pages that came compressed. */
  readonly inflated: number;
}

let inflated = 0;
const platform = globalThis.DecompressionStream;
globalThis.DecompressionStream = class extends platform {
  constructor(format: ConstructorParameters<typeof platform>[0]) {
    super(format);
    inflated++;
  }
};

/** Reads everything there is, appends, waits until all is saved, asks over HTTP as well. */
async function run(url: string, token: string, expected: number): Promise<BrowserReport> {
  const workspace = parseWorkspaceId('w1');
  const client = createClient({ url, token: () => token, outbox: memoryOutbox() });
  const handle = client.workspace(workspace, { peers: [peerB], trees: [tree] });
  let received = 0;
  let bodies = true;
  const caughtUp = new Promise<void>((resolve) => {
    handle.onRecords((records) => {
      received += records.length;
      for (const each of records) if (new TextDecoder().decode(each.body) !== `${each.peer} ${each.counter}`) bodies = false;
      if (received >= expected) resolve();
    });
  });
  await caughtUp;
  // Before that a page may still be asked for, which would bring this client's own records as well.
  await new Promise<void>((resolve) => {
    handle.status.subscribe(({ connected }) => {
      if (connected === 'live') resolve();
    });
  });
  await handle.append([record(0, peerB), record(1, peerB)]);
  await handle.flush();
  const { pending, acknowledged, connected } = handle.status.value;
  const stores = await remoteStores({ url, token: () => token });
  const head = await stores.ops.head(workspace);
  const content = Uint8Array.from({ length: 700_000 }, (_, i) => (i * 7) % 251);
  const progress: number[] = [];
  const file = await stores.direct.upload(workspace, bytesSource(content), {
    name: 'a.bin',
    onProgress: (sent) => void progress.push(sent),
  });
  const back = await stores.direct.download(parseBlobRoot('owner/w1'), file.key);
  const same = back !== undefined && (await readAll(back.body, content.length)).every((byte, i) => byte === content[i]);
  await client.close();
  return {
    file: { sent: file.sent, same, progress: progress.at(-1) },
    received,
    bodies,
    status: { pending, acknowledged, connected },
    head: head?.position,
    inflated,
  };
}

(globalThis as unknown as { runClient: typeof run }).runClient = run;
