import type { OpRecord, WorkspaceId } from '@spacestore/core';
import fc from 'fast-check';
import { holds, same } from '../../check/expect.ts';
import { words } from '../../check/words.ts';
import type { LawContext, Run } from '../../run/context.ts';
import type { SyncClient, SyncUnderTest } from '../../spec/kind.ts';
import type { Law } from '../../spec/law.ts';
import { expectLog, expectReceived, live, peer, recordsOf, until } from './scene.ts';

const group = 'delivery';

interface Device {
  readonly name: string;
  client: SyncClient;
  next: number;
  opened: number;
  /** What its app was given before it was closed and opened again. */
  readonly before: (OpRecord & { readonly position: number })[];
}

const mishaps = ['cut', 'restart', 'down', 'up', 'reopen', 'pause'] as const;
type Mishap = (typeof mishaps)[number];
/** Those that cut something short. */
const harmful: ReadonlySet<Mishap> = new Set(['cut', 'restart', 'down', 'reopen']);

const storm = (kinds: readonly Mishap[]): fc.Arbitrary<readonly (readonly [device: number, count: number, mishap: Mishap | undefined])[]> =>
  fc.array(fc.tuple(fc.nat(2), fc.nat(6), fc.option(fc.constantFrom(...kinds), { nil: undefined, freq: 3 })), {
    minLength: 4,
    maxLength: 16,
    size: 'max',
  });

/** Three devices of two users write while things go wrong; then all is quiet. */
async function weather(
  context: LawContext<'sync'>,
  steps: readonly (readonly [number, number, Mishap | undefined])[],
  run: Run,
): Promise<void> {
  const sync = (await context.shared()).store;
  const workspace = await sync.workspace(run.fresh('w'));
  const open = (name: string): Promise<SyncClient> =>
    sync.client({ user: name === 'a' ? 'ada' : 'bob', workspace, peers: [peer(name)], device: `${workspace}-${name}` });
  const devices: Device[] = [];
  for (const name of ['a', 'b', 'c']) devices.push({ name, client: await open(name), next: 0, opened: 1, before: [] });
  const appended: OpRecord[] = [];
  try {
    for (const [at, count, mishap] of steps) {
      const device = devices[at] as Device;
      const records = recordsOf(device.name, device.next, count + 1);
      run.say(
        `${device.name} appends ${words(records)}${mishap ? `; ${mishap === 'reopen' ? `${device.name} is closed and opened again` : mishap}` : ''}`,
      );
      device.next += records.length;
      appended.push(...records);
      await device.client.append(records);
      if (mishap === undefined) continue;
      // Looked at in the turn of the append: whether its acknowledgement would have been faster must not matter.
      run.count('mishaps while edits were pending', harmful.has(mishap) && device.client.status().pending > 0);
      await suffer(sync, device, mishap, open);
    }
    sync.setDown(false);
    for (const { client } of devices) await client.flush();
    const log = await expectLog(sync, workspace, appended);
    for (const { name, client, before, opened } of devices) {
      const all: SyncClient = { ...client, received: () => [...before, ...client.received()] };
      await expectReceived(all, log, (record) => record.peer === peer(name), name, opened > 1 ? 'again' : 'once');
      same(client.status().pending, 0, `edits ${name} still waits for`);
      same(client.status().quarantined, 0, `edits of ${name} that were refused`);
    }
  } finally {
    sync.setDown(false);
    for (const { client } of devices) await client.close();
  }
}

async function suffer(sync: SyncUnderTest, device: Device, mishap: Mishap, open: (name: string) => Promise<SyncClient>): Promise<void> {
  switch (mishap) {
    case 'cut':
      return sync.cut();
    case 'restart':
      return await sync.restart();
    case 'down':
      return sync.setDown(true);
    case 'up':
      return sync.setDown(false);
    case 'pause':
      return await new Promise((resolve) => setTimeout(resolve, 15));
    case 'reopen':
      await device.client.close();
      device.before.push(...device.client.received());
      device.client = await open(device.name);
      device.opened += 1;
  }
}

const floors = { 'mishaps while edits were pending': { count: 3 } };

const reconnects: Law<'sync'> = {
  id: 'TR-03',
  kind: 'sync',
  group,
  title: 'a connection that breaks and comes back loses nothing that was appended, skips nothing, and gives nothing twice',
  why: 'Trains have tunnels.',
  floors,
  run: (context) => context.check(storm(['cut', 'pause']), (steps, run) => weather(context, steps, run), { runs: 8 }),
};

const restarts: Law<'sync'> = {
  id: 'TR-07',
  kind: 'sync',
  group,
  title: 'a server that stops and starts again in the middle of work loses nothing and stores nothing twice',
  why: 'Servers are updated while people write.',
  floors,
  run: (context) => context.check(storm(['restart', 'cut']), (steps, run) => weather(context, steps, run), { runs: 5 }),
};

const converges: Law<'sync'> = {
  id: 'TR-04',
  kind: 'sync',
  group,
  title: 'whatever breaks, once it is quiet every device has been given exactly what the server has, which is what was appended',
  why: 'Two people who look at the same document must see the same document.',
  floors,
  run: (context) =>
    context.check(storm(['cut', 'down', 'up', 'reopen', 'pause', 'restart']), (steps, run) => weather(context, steps, run), { runs: 8 }),
};

const fanOut: Law<'sync'> = {
  id: 'TR-11',
  kind: 'sync',
  group,
  title: 'what one writes every other subscriber is given once, its author not at all, and nobody in another workspace',
  why: 'An echo doubles the work of every device; a leak is the end of trust.',
  run: (context) =>
    context.check(
      fc.record({ readers: fc.integer({ min: 2, max: 5 }), batches: fc.integer({ min: 1, max: 8 }), both: fc.boolean() }),
      async ({ readers, batches, both }, run) => {
        const sync = (await context.shared()).store;
        const name = run.fresh('w');
        const [here, there] = [await sync.workspace(name), await sync.workspace(`${name}x`)];
        const open = (workspace: WorkspaceId, who: string, user: 'ada' | 'bob'): Promise<SyncClient> =>
          sync.client({ user, workspace, peers: [peer(who)], device: `${workspace}-${who}` });
        const author = await open(here, 'author', 'ada');
        const others = await Promise.all(Array.from({ length: readers }, (_, i) => open(here, `reader${i}`, i % 2 === 0 ? 'bob' : 'ada')));
        const stranger = await open(there, 'author', 'bob');
        const all = [author, ...others, stranger];
        try {
          await Promise.all(all.map(live));
          run.say(`${batches} batches to ${readers} readers${both ? ', and as many in another workspace under the same ids' : ''}`);
          for (let i = 0; i < batches; i++) {
            await author.append(recordsOf('author', i * 5, 5));
            if (both)
              await stranger.append(
                recordsOf('author', i * 5, 5).map((record) => ({ ...record, body: new TextEncoder().encode('elsewhere') })),
              );
          }
          await author.flush();
          await stranger.flush();
          const log = await expectLog(sync, here, recordsOf('author', 0, batches * 5));
          for (const [i, reader] of others.entries()) await expectReceived(reader, log, () => false, `reader ${i}`);
          same(words(author.received()), '(nothing)', 'what the author was given');
          same(words(stranger.received()), '(nothing)', 'what somebody in another workspace was given');
        } finally {
          for (const client of all) await client.close();
        }
      },
      { runs: 6 },
    ),
};

const samePeer: Law<'sync'> = {
  id: 'TR-16',
  kind: 'sync',
  group,
  title: 'two devices under one peer id: what differs is kept, what contradicts is refused to one of them alone, and neither is stuck',
  why: 'A copied profile, or two tabs, must not wedge both.',
  floors: { contradictions: { count: 1 } },
  run: (context) =>
    context.check(
      fc.record({ shared: fc.integer({ min: 1, max: 4 }), own: fc.integer({ min: 1, max: 6 }), alike: fc.boolean() }),
      async ({ shared, own, alike }, run) => {
        const sync = (await context.shared()).store;
        const workspace = await sync.workspace(run.fresh('w'));
        const [one, two] = (await Promise.all(
          [0, 1].map((i) => sync.client({ user: 'ada', workspace, peers: [peer('p')], device: `${workspace}-${i}` })),
        )) as [SyncClient, SyncClient];
        try {
          await Promise.all([live(one), live(two)]);
          const records = recordsOf('p', 0, shared);
          const contrary = records.map((record) =>
            alike ? record : { ...record, body: new TextEncoder().encode(`another ${record.counter}`) },
          );
          run.say(`both append ${words(records)}, with ${alike ? 'the same' : 'other'} bodies, and ${own} records each of their own`);
          run.count('contradictions', shared > 0 && !alike);
          await Promise.all([
            one.append([...records, ...recordsOf('p', 100, own)]),
            two.append([...contrary, ...recordsOf('p', 200, own)]),
          ]);
          const judged = (client: SyncClient): boolean => client.status().pending === 0;
          await until(
            () => judged(one) && judged(two),
            () => `edits stay pending: ${one.status().pending} and ${two.status().pending}`,
          );
          const log = await sync.log(workspace);
          same(log.length, shared + own * 2, 'records on the server');
          const refused = one.status().quarantined + two.status().quarantined;
          same(refused, alike ? 0 : shared, 'records in quarantine, of both devices');
          await one.append(recordsOf('p', 300, 1));
          await two.append(recordsOf('p', 400, 1));
          await until(
            () => judged(one) && judged(two),
            () => 'a device is stuck afterwards',
          );
          same((await sync.log(workspace)).length, shared + own * 2 + 2, 'records on the server, after one more each');
          holds(new Set(log.map(({ position }) => position)).size === log.length, 'two records share a position');
        } finally {
          await Promise.all([one.close(), two.close()]);
        }
      },
      { runs: 8 },
    ),
};

const economy: Law<'sync'> = {
  id: 'TR-15',
  kind: 'sync',
  group,
  title: 'catching up costs what was missed, not what there is',
  why: 'A phone that wakes up a hundred times a day must not download the history a hundred times.',
  floors: { 'bytes of a first read measured': { count: 1 } },
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const sync = room.store;
      const workspace = await sync.workspace('economy');
      const writer = await sync.client({ user: 'ada', workspace, peers: [peer('w')], device: 'writer' });
      for (let i = 0; i < 10; i++) await writer.append(recordsOf('w', i * 400, 400));
      await writer.flush();
      const cost = async (missed: number, device: string): Promise<number> => {
        const before = sync.bytesDown();
        const reader = await sync.client({ user: 'bob', workspace, peers: [peer('r')], device });
        await live(reader);
        await until(
          () => reader.received().length >= missed,
          () => `a reader was given ${reader.received().length} of ${missed} records`,
        );
        await reader.close();
        return sync.bytesDown() - before;
      };
      const first = await cost(4000, 'reader');
      run.count('bytes of a first read measured', first > 4000);
      const nothing = await cost(0, 'reader');
      await writer.append(recordsOf('w', 4000, 40));
      await writer.flush();
      const some = await cost(40, 'reader');
      run.say(`first read of 4000 records ${first} bytes, of nothing new ${nothing}, of 40 new ones ${some}`);
      holds(nothing < first / 10, `coming back to nothing new cost ${nothing} bytes, the whole history ${first}`);
      holds(some < first / 5, `coming back to 40 new records cost ${some} bytes, the whole history of 4000 ${first}`);
      await writer.close();
    }),
};

export const deliveryLaws: readonly Law<'sync'>[] = [reconnects, restarts, converges, fanOut, samePeer, economy];
