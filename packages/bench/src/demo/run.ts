import { join } from 'node:path';
import { sqliteStores } from '@spacestore/adapter-sqlite';
import type { OpRecord, Outbox, PeerId } from '@spacestore/core';
import { chunks } from '../data/workload.ts';
import { type HistoryName, loadHistory } from './history.ts';
import { demoWorkspace, joinDemo, type Participant } from './participant.ts';
import { type ServerChild, startServer } from './server-child.ts';
import { growEach, type TreeFigures } from './tree.ts';

export interface DemoOptions {
  readonly dir: string;
  readonly history: HistoryName;
  readonly clients: number;
  readonly operations: number;
  readonly note: (text: string) => void;
}

export interface DemoReport {
  readonly history: HistoryName;
  readonly sent: number;
  readonly acknowledged: number;
  readonly acknowledgedBeforeKill: number;
  readonly lost: number;
  readonly seconds: number;
  readonly bytesOnTheWire: number;
  readonly serverMegabytes: number;
  /** Living vertices of the tree each client grows from what it has; the last one joined cold. */
  readonly living: readonly number[];
  readonly differences: readonly string[];
}

/** What the whole system promises, tried on a history: nothing acknowledged is lost by a kill, and everybody ends with the same. */
export async function runDemo({ dir, history, clients, operations, note }: DemoOptions): Promise<DemoReport> {
  const records = await loadHistory(history, operations);
  const data = join(dir, 'server');
  let server = await startServer(data, 0);
  note(`server on ${server.address}; ${records.length} records of ${history} from ${clients} clients`);
  await makeWorkspace(server);
  const shares = shareOut(records, clients);
  const outbox = (n: number): Outbox => sqliteStores({ dir: join(dir, `device-${n}`) }).outbox();
  const writers = shares.map((share, n) => joinDemo(server.address, server.token, outbox(n), peersOf(share)));
  const all: Participant[] = [...writers];
  const acknowledged = (): number => writers.reduce((sum, writer) => sum + writer.acknowledged(), 0);

  const start = performance.now();
  const writing = writers.map((writer, n) => writeAll(writer, shares[n] as OpRecord[]));
  await until(() => acknowledged() >= records.length / 4);
  note('a ninth client joins cold');
  all.push(joinDemo(server.address, server.token, outbox(clients), []));
  const memoryBefore = await server.memoryMegabytes();
  await until(() => acknowledged() >= records.length / 2);
  const acknowledgedBeforeKill = acknowledged();
  await server.kill();
  note(`server killed with ${acknowledgedBeforeKill} records acknowledged; starting it again`);
  server = await startServer(data, Number(new URL(server.address).port));
  await Promise.all(writing);
  await Promise.all(writers.map((writer) => writer.flush()));
  await Promise.all(all.map((participant) => participant.has(records.length)));
  const seconds = (performance.now() - start) / 1000;

  const serverMegabytes = Math.max(memoryBefore, await server.memoryMegabytes());
  const bytesOnTheWire = all.reduce((sum, participant) => sum + participant.bytes().sent + participant.bytes().received, 0);
  const stored = await readBack(server);
  const lost = records.filter((record) => !stored.has(idOf(record))).length;
  note('growing the tree of every client');
  const [expected, ...figures] = growEach([records, ...all.map((participant) => participant.records.values())]) as [
    TreeFigures,
    ...TreeFigures[],
  ];
  const differences = [
    ...(lost > 0 ? [`${lost} records are not in the server's log`] : []),
    ...(stored.size === records.length ? [] : [`the server's log has ${stored.size} records instead of ${records.length}`]),
    ...writers.flatMap((writer, n) => (writer.refused() > 0 ? [`client ${n + 1} was refused ${writer.refused()} records`] : [])),
    ...all.flatMap((participant, n) =>
      participant.records.size === records.length ? [] : [`client ${n + 1} has ${participant.records.size} records`],
    ),
    ...figures.flatMap(({ living, digest }, n) =>
      living === expected.living && digest === expected.digest ? [] : [`client ${n + 1} has another tree: ${living} vertices, ${digest}`],
    ),
  ];
  const report: DemoReport = {
    history,
    sent: records.length,
    acknowledged: acknowledged(),
    acknowledgedBeforeKill,
    lost,
    seconds,
    bytesOnTheWire,
    serverMegabytes,
    living: figures.map(({ living }) => living),
    differences,
  };
  await Promise.all(all.map((participant) => participant.close()));
  const code = await server.stop();
  return code === 0 ? report : { ...report, differences: [...differences, `the server ended with exit code ${code} on SIGTERM`] };
}

function idOf({ tree, peer, counter }: OpRecord): string {
  return `${tree}/${peer}/${counter}`;
}

/** Each peer's records go to one client, in order. */
function shareOut(records: readonly OpRecord[], clients: number): OpRecord[][] {
  const shares = Array.from({ length: clients }, () => [] as OpRecord[]);
  const peers = new Map<PeerId, number>();
  for (const record of records) {
    const place = peers.get(record.peer) ?? peers.size % clients;
    peers.set(record.peer, place);
    shares[place]?.push(record);
  }
  return shares;
}

function peersOf(records: readonly OpRecord[]): PeerId[] {
  return [...new Set(records.map((record) => record.peer))];
}

/** In calls of 20, never more than 2,000 records ahead of the acknowledgements, as an app that saves while it works. */
async function writeAll(writer: Participant, records: readonly OpRecord[]): Promise<void> {
  for (const call of chunks(records, 20)) {
    await until(() => writer.pending() < 2000);
    await writer.append(call);
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function makeWorkspace(server: ServerChild): Promise<void> {
  const response = await fetch(`${server.address}/v1/workspaces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ id: demoWorkspace, codec: 'reptree-1' }),
  });
  if (!response.ok) throw new Error(`the workspace could not be made: ${await response.text()}`);
}

/** Ids in the server's log, by its own export. */
async function readBack(server: ServerChild): Promise<Set<string>> {
  const response = await fetch(`${server.address}/v1/workspaces/${demoWorkspace}/export`, {
    headers: { authorization: `Bearer ${server.token}` },
  });
  if (!response.ok) throw new Error(`the export failed: ${await response.text()}`);
  const lines = (await response.text()).trimEnd().split('\n');
  return new Set(
    lines.map((line) => {
      const { treeId, id } = JSON.parse(line) as {
        readonly treeId: string;
        readonly id: { readonly counter: number; readonly peerId: string };
      };
      return `${treeId}/${id.peerId}/${id.counter}`;
    }),
  );
}
