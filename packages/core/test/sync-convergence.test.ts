import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesSource } from '../src/byte-source.ts';
import { equalBytes } from '../src/bytes.ts';
import type { OpRecord, OpStore } from '../src/contracts/op-store.ts';
import { parsePeerId, parseTreeId, parseWorkspaceId, type TreeId } from '../src/ids.ts';
import { memoryOpPlace, memoryOpStore } from '../src/memory/op-store.ts';
import type { PlacedRecord, SavedPlaces } from '../src/sync/client-session-types.ts';
import { positionOf } from '../src/sync/tree-sets.ts';
import { modelServer } from './sync/model-server.ts';
import { sessionServer } from './sync/session-server.ts';
import { idOf, type SimulatedClient, simulatedClient, type Watch } from './sync/simulated-client.ts';
import { simulatedNetwork } from './sync/simulated-network.ts';
import { virtualTime } from './sync/virtual-time.ts';

const workspace = parseWorkspaceId('w');
const trees = ['a', 'b', 'c'].map(parseTreeId);
const clientCount = 3;

type Action = { readonly at: number } & (
  | { readonly kind: 'append'; readonly client: number; readonly tree: number; readonly count: number }
  | { readonly kind: 'forge'; readonly client: number; readonly victim: number }
  | { readonly kind: 'subscribe'; readonly client: number; readonly tree: number }
  | { readonly kind: 'cut' | 'crash'; readonly client: number }
  | { readonly kind: 'restart-server' | 'cut-all' | 'backup' | 'restore' }
);

const client = fc.nat(clientCount - 1);
const tree = fc.nat(trees.length - 1);
const at = fc.nat(20_000);
const harmless = [
  { weight: 12, arbitrary: fc.record({ at, kind: fc.constant('append' as const), client, tree, count: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ at, kind: fc.constant('forge' as const), client, victim: client }) },
  { weight: 4, arbitrary: fc.record({ at, kind: fc.constant('subscribe' as const), client, tree: fc.nat(trees.length) }) },
  { weight: 3, arbitrary: fc.record({ at, kind: fc.constantFrom('cut' as const, 'crash' as const), client }) },
  { weight: 1, arbitrary: fc.record({ at, kind: fc.constantFrom('restart-server' as const, 'cut-all' as const) }) },
];
const rewriting = { weight: 2, arbitrary: fc.record({ at, kind: fc.constantFrom('backup' as const, 'restore' as const) }) };
const story = (withRestore: boolean) =>
  fc.record({
    seed: fc.integer(),
    actions: fc.array(fc.oneof(...harmless, ...(withRestore ? [rewriting] : [])) as fc.Arbitrary<Action>, {
      minLength: 5,
      maxLength: 60,
      size: 'max',
    }),
  });

interface Facts {
  acknowledged: number;
  restarts: number;
  refused: number;
  pulledAfterSave: number;
}

async function play(
  makeServer: typeof modelServer,
  { seed, actions }: { seed: number; actions: readonly Action[] },
  facts: Facts,
): Promise<void> {
  const time = virtualTime(seed);
  const place = memoryOpPlace();
  const ops: OpStore = memoryOpStore({ place, clock: time, randomBytes: (n) => Uint8Array.from({ length: n }, () => time.random() * 256) });
  const server = makeServer(time, ops, workspace);
  let down = false;
  const network = simulatedNetwork(time, () => (down ? undefined : server.accept));
  const errors: string[] = [];
  let history = 0;
  const logNow = () => place.logs.get(workspace)?.records ?? [];

  /** Per client: the highest position handled of a tree in this run, and what its places on disk cover. */
  const reached: Map<string, number>[] = [];
  const watch: Watch = {
    started: (index, _run, places) => {
      facts.restarts++;
      const floor = new Map<string, number>();
      for (const [name, position] of coverage(places)) floor.set(name, position);
      reached[index] = floor;
    },
    delivered: (index, _run, records: readonly PlacedRecord[]) => {
      if (history > 0) return;
      const mine = reached[index] as Map<string, number>;
      for (const record of records) {
        const known = mine.get(record.tree) ?? mine.get('*') ?? 0;
        if (record.position <= known) errors.push(`client ${index}: ${idOf(record)} at ${record.position} came again after ${known}`);
        mine.set(record.tree, record.position);
        const stored = logNow()[record.position - 1];
        if (stored === undefined || idOf(stored) !== idOf(record)) errors.push(`client ${index}: ${idOf(record)} is not at its place`);
      }
    },
    saved: (index, places: SavedPlaces) => {
      if (history > 0) return;
      const mine = (clients[index] as SimulatedClient).disk.records;
      const covered = coverage(places);
      for (const record of logNow()) {
        const upTo = covered.get(record.tree) ?? covered.get('*') ?? 0;
        if (record.position <= upTo && !mine.has(idOf(record)))
          errors.push(`client ${index}: saved ${upTo} without ${idOf(record)} at ${record.position}`);
      }
      facts.pulledAfterSave++;
    },
    acknowledged: (index, records: readonly OpRecord[]) => {
      facts.acknowledged += records.length;
      if (history > 0) return;
      for (const record of records)
        if (!logNow().some((stored) => idOf(stored) === idOf(record) && equalBytes(stored.body, record.body)))
          errors.push(`client ${index}: ${idOf(record)} was acknowledged and is not in the log`);
    },
  };

  const clients: SimulatedClient[] = [];
  for (let i = 0; i < clientCount; i++) clients.push(simulatedClient(i, time, network, workspace, parsePeerId(`p${i}`), watch));
  const subscribed: Set<TreeId | '*'>[] = clients.map(() => new Set());
  const counters = clients.map(() => 0);
  const written: { readonly client: number; readonly record: OpRecord }[] = [];
  const forged: { readonly client: number; readonly record: OpRecord }[] = [];
  let backup: Uint8Array | undefined;

  const act = async (action: Action): Promise<void> => {
    switch (action.kind) {
      case 'append': {
        const records = Array.from({ length: action.count }, () => ({
          tree: trees[action.tree] as TreeId,
          peer: parsePeerId(`p${action.client}`),
          counter: counters[action.client]!++,
          body: Uint8Array.from({ length: Math.floor(time.random() * 40) }, () => time.random() * 256),
        }));
        for (const record of records) written.push({ client: action.client, record });
        return clients[action.client]?.append(records);
      }
      case 'forge': {
        const victim = written.filter((each) => each.client === action.victim).at(-1);
        if (victim === undefined) return;
        const fake = { ...victim.record, body: new TextEncoder().encode(`forged by ${action.client} ${forged.length}`) };
        forged.push({ client: action.client, record: fake });
        return clients[action.client]?.forge([fake]);
      }
      case 'subscribe':
        subscribed[action.client]?.add(trees[action.tree] ?? '*');
        return clients[action.client]?.subscribe(action.tree === trees.length ? null : [trees[action.tree] as TreeId]);
      case 'cut':
        return clients[action.client]?.cut();
      case 'crash':
        return clients[action.client]?.restart();
      case 'cut-all':
        return network.cutAll();
      case 'restart-server':
        network.cutAll();
        server.restart();
        down = true;
        return time.after(1000 * time.random(), () => {
          down = false;
        });
      case 'backup': {
        const source = await ops.snapshot(workspace);
        if (source !== undefined) backup = await collect(source.open());
        return;
      }
      case 'restore':
        if (backup === undefined) return;
        history++;
        await ops.restore(workspace, bytesSource(backup));
        return server.restored();
    }
  };
  for (const action of actions) time.at(action.at, () => void act(action));

  await time.runUntil(21_000);
  // A last round, so that each client's whole set meets the log.
  for (const [index, each] of clients.entries()) {
    subscribed[index]?.add('*');
    each.subscribe(null);
  }
  await time.runUntil(120_000);

  expect(errors).toEqual([]);
  const log = new Map(logNow().map((record) => [idOf(record), record]));
  for (const [index, each] of clients.entries()) {
    expect(await each.outbox().counts(workspace), `outbox of ${index}: ${JSON.stringify(each.status())}`).toMatchObject({ batches: 0 });
    const quarantined = await each.outbox().quarantine(workspace);
    facts.refused += quarantined.length;
    const inQuarantine = (record: OpRecord) =>
      quarantined.some((q) => idOf(q.record) === idOf(record) && equalBytes(q.record.body, record.body));
    const inLog = (record: OpRecord) => equalBytes(log.get(idOf(record))?.body ?? new Uint8Array(999), record.body);
    for (const { record, client: author } of [...written, ...forged])
      if (author === index) expect(inLog(record) || inQuarantine(record), `${idOf(record)} of ${index} is nowhere`).toBe(true);
    const missing = [...log.keys()].filter((id) => !each.disk.records.has(id));
    expect(missing, `client ${index} (${each.status().connected}) lacks`).toEqual([]);
  }
}

/** Per tree the highest position its places cover; `*` for the trees no set names. */
function coverage(places: SavedPlaces | null): Map<string, number> {
  const covered = new Map<string, number>();
  for (const { trees: named, cursor } of places?.sets ?? [])
    for (const name of named ?? ['*']) covered.set(name, Math.max(covered.get(name) ?? 0, positionOf(cursor)));
  return covered;
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

describe.each([
  { name: 'a model server that misbehaves as far as the protocol allows', server: modelServer },
  { name: 'the server session', server: sessionServer },
])('clients and $name over a network that delays, cuts and repeats', ({ server }) => {
  test('every acknowledged record is in the log, everything is judged, all converge, nothing comes twice, no cursor skips', async () => {
    const facts: Facts = { acknowledged: 0, restarts: 0, refused: 0, pulledAfterSave: 0 };
    await fc.assert(
      fc.asyncProperty(story(false), (given) => play(server, given, facts)),
      { seed: 20261123, numRuns: 60 },
    );
    expect(facts.acknowledged).toBeGreaterThan(1000);
    expect(facts.restarts).toBeGreaterThan(200);
    expect(facts.refused).toBeGreaterThan(10);
  });

  test('a restore loses nothing that a client still has', async () => {
    const facts: Facts = { acknowledged: 0, restarts: 0, refused: 0, pulledAfterSave: 0 };
    await fc.assert(
      fc.asyncProperty(story(true), (given) => play(server, given, facts)),
      { seed: 20261124, numRuns: 40 },
    );
    expect(facts.acknowledged).toBeGreaterThan(500);
  });
});
