import { decodeOp, type OpRecord, type OpStore, type WorkspaceId } from '@spacestore/core';
import fc from 'fast-check';
import { LawBroken } from '../../check/broken.ts';
import { holds, same } from '../../check/expect.ts';
import { divergence } from '../../check/replicas.ts';
import { vectorWords, words } from '../../check/words.ts';
import { type Author, author, beginning } from '../../gen/edits.ts';
import { type Step, steps } from '../../gen/steps.ts';
import { idOf } from '../../model/op-store.ts';
import type { LawContext, Room, Run } from '../../run/context.ts';
import type { Law } from '../../spec/law.ts';
import { opLaw } from './define.ts';
import { readAll, wholeVector } from './reading.ts';

/** A device: a store on a place of its own, and its user. */
interface Device {
  readonly room: Room<'op-store'>;
  readonly author: Author;
}

const count = 3;

/** What one device has that another lacks, handed over in the ways networks do: at once, record by record, backwards, twice, in part. */
async function handOver(from: OpStore, to: OpStore, workspace: WorkspaceId, how: number, run: Run): Promise<readonly OpRecord[]> {
  const { records } = await readAll(from, workspace, { missing: await wholeVector(to, workspace), limit: 1 + (how % 50) });
  const bare = records.map(({ tree, peer, counter, body }): OpRecord => ({ tree, peer, counter, body }));
  const some = how % 5 === 0 ? bare.slice(0, Math.ceil(bare.length / 2)) : bare;
  const ordered = how % 3 === 0 ? some.toReversed() : some;
  const size = how % 4 === 0 ? 1 : Math.max(1, Math.min(ordered.length, to.capabilities.maxCallRecords - 2));
  for (let at = 0; at < ordered.length; at += size) {
    const batch = ordered.slice(at, at + size);
    await to.append(workspace, how % 2 === 0 ? [...batch, ...batch.slice(0, 1)] : batch);
    if (how % 7 === 0) await to.append(workspace, batch);
  }
  run.count('records handed over', ordered.length > 0);
  return ordered;
}

async function meet(devices: readonly Device[], a: number, b: number, workspace: WorkspaceId, how: number, run: Run): Promise<number> {
  const [one, other] = [devices[a % count], devices[b % count]] as [Device, Device];
  const there = await handOver(one.room.store, other.room.store, workspace, how, run);
  const back = await handOver(other.room.store, one.room.store, workspace, how >> 1, run);
  other.author.learn(there.map((record) => decodeOp(record)));
  one.author.learn(back.map((record) => decodeOp(record)));
  return there.length + back.length;
}

/** Plays a history of edits, meetings and restarts, lets everyone meet everyone at the end, and gives what each device has and what was written. */
async function play(
  devices: readonly Device[],
  plan: readonly Step[],
  run: Run,
): Promise<{ readonly replicas: readonly OpRecord[][]; readonly union: readonly OpRecord[]; readonly workspace: WorkspaceId }> {
  const workspace = run.fresh('w') as WorkspaceId;
  const union: OpRecord[] = beginning();
  for (const { room } of devices) await room.store.append(workspace, union);
  for (const [kind, a, b, c] of plan) {
    const device = devices[a % count] as Device;
    if (kind < 70) {
      const records = device.author.edit([kind, b, c, a]);
      run.say(`device ${a % count}  edits ${words(records)}`);
      await device.room.store.append(workspace, records);
      union.push(...records);
    } else if (kind < 92 || device.room.store.capabilities.durable === 'none') {
      if (a % count === b % count) continue;
      run.say(`devices ${a % count} and ${b % count}  meet, way ${c}`);
      await meet(devices, a, b, workspace, c, run);
    } else {
      run.say(`device ${a % count}  restarts`);
      await (c % 2 === 0 ? device.room.reopen() : device.room.crash());
      run.count('restarts');
    }
  }
  for (let round = 0; ; round++) {
    if (round > 20) throw new LawBroken('devices that meet again and again don’t come to rest');
    const handed =
      (await meet(devices, 0, 1, workspace, 1, run)) +
      (await meet(devices, 1, 2, workspace, 1, run)) +
      (await meet(devices, 0, 2, workspace, 1, run));
    if (handed === 0) break;
  }
  const replicas = await Promise.all(devices.map(async ({ room }) => [...(await readAll(room.store, workspace)).records]));
  return { replicas, union, workspace };
}

async function devicesOf(context: LawContext<'op-store'>): Promise<readonly Room<'op-store'>[]> {
  return await Promise.all(Array.from({ length: count }, () => context.room()));
}

const withAuthors = (rooms: readonly Room<'op-store'>[]): readonly Device[] => rooms.map((room, i) => ({ room, author: author(i) }));

const convergence = opLaw('OP-51', {
  floors: { 'documents of three authors': { share: 0.3 }, 'records handed over': { share: 0.2 } },
  run: async (context) => {
    const rooms = await devicesOf(context);
    await context.check(
      steps(40, 10),
      async (plan, run) => {
        const { replicas, union, workspace } = await play(withAuthors(rooms), plan, run);
        run.count('documents of three authors', new Set(union.map((record) => record.peer)).size === count);
        const problems = divergence(replicas, union);
        if (problems.length > 0) throw new LawBroken(problems.join('\n'));
        const vectors = await Promise.all(rooms.map(async ({ store }) => vectorWords(await wholeVector(store, workspace))));
        same(new Set(vectors).size, 1, 'different vectors after quiescence');
      },
      { runs: 12 },
    );
  },
});

const control = opLaw('OP-52', {
  run: async (context) => {
    const rooms = await devicesOf(context);
    await context.check(
      fc.tuple(steps(12, 3), fc.nat(999), fc.nat(2)),
      async ([plan, hidden, which], run) => {
        const { replicas, union } = await play(withAuthors(rooms), plan, run);
        const victim = union[2 + (hidden % Math.max(1, union.length - 2))] ?? union[1];
        const cheated = replicas.map((records, i) =>
          i === which ? records.filter((one) => idOf(one) !== idOf(victim as OpRecord)) : records,
        );
        run.say(`hide    ${words([victim as OpRecord])}  from the judge's view of device ${which}`);
        holds(divergence(cheated, union).length > 0, 'the judge sees no difference where a record is hidden');
      },
      { runs: 4 },
    );
  },
});

/** Replicas over stores end equal, and the judge who says so can say no. */
export const convergenceLaws: readonly Law<'op-store'>[] = [convergence, control];
