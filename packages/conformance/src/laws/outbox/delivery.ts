import type { OpRecord, OutboxVerdict, PeerId, RecordId, TreeId, WorkspaceId } from '@spacestore/core';
import fc from 'fast-check';
import { holds, refused, same, settle } from '../../check/expect.ts';
import { words } from '../../check/words.ts';
import { bodyOf } from '../../gen/bytes.ts';
import { space } from '../../gen/secret-store.ts';
import { acknowledge, addTo, type BoxModel, emptyBox, keyOfRecord, refuse, releaseFrom } from '../../model/outbox.ts';
import type { LawContext, Room, Run } from '../../run/context.ts';
import type { Law, Need } from '../../spec/law.ts';
import { type OutboxPlan, plannedRecords } from '../../world/outbox-roles.ts';
import { allPending, batchWords, expectBox } from './scene.ts';

const durable: Need<'outbox'> = { name: 'durable', holds: (_, subject) => subject.claims?.includes('durable') ?? false };
const group = 'delivery';
const small = fc.tuple(fc.nat(12), fc.nat(99), fc.nat(99), fc.nat(99));
type Small = readonly [kind: number, a: number, b: number, c: number];

const codes = ['equivocation', 'denied', 'too_large', 'invalid', 'quota'] as const;
const stateNames = ['cursor', 'peers', '__proto__', 'constructor', 'a b', '', 'é', "';--"] as const;

/** Records nobody added before: their counters go up over the whole case. */
const freshRecords = (count: number, first: number, b: number): OpRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    tree: `t${(b + i) % 2}` as TreeId,
    peer: `p${b % 3}` as PeerId,
    counter: first + i,
    body: bodyOf(b + i),
  }));

interface Play {
  readonly boxes: readonly BoxModel[];
  readonly counter: number;
}

/** Does what small numbers mean beside a state, and gives the state that must follow. */
async function step(room: Room<'outbox'>, spaces: readonly WorkspaceId[], play: Play, [kind, a, b, c]: Small, run: Run): Promise<Play> {
  const which = a % 4 === 0 ? 1 : 0;
  const [workspace, box] = [spaces[which] as WorkspaceId, play.boxes[which] as BoxModel];
  const now = (next: BoxModel, counter = play.counter): Play => ({
    boxes: play.boxes.map((each, i) => (i === which ? next : each)),
    counter,
  });
  const { store } = room;
  const numbered = async (next: BoxModel, records: readonly OpRecord[], kept: boolean): Promise<BoxModel> => {
    if (records.length === 0) return next;
    const fresh = await store.pending(workspace, next.last, 100);
    same(fresh.length, 1, 'new batches after a refusal or a release');
    const got = fresh[0]?.records ?? [];
    const inOrder = (some: readonly OpRecord[]): readonly OpRecord[] => [...some].sort((one, other) => one.counter - other.counter);
    // What comes out of quarantine has no order of its own; the rest of a batch keeps the one it had.
    same(words(kept ? got : inOrder(got)), words(kept ? records : inOrder(records)), 'records of the new batch');
    return addTo(
      next,
      fresh[0]?.batch ?? 0,
      got.map((each) => records.find((record) => keyOfRecord(record) === keyOfRecord(each)) as OpRecord),
    );
  };
  const target = box.batches[b % Math.max(box.batches.length, 1)];
  if (kind <= 3 || (target === undefined && kind <= 7)) {
    const records = freshRecords(1 + (c % 5), play.counter, b);
    run.say(`add ${words(records)}`);
    const added = await store.add(workspace, records);
    holds(added.batch > box.last, `batch ${added.batch} was used before: the last number was ${box.last}`);
    same(words(added.records), words(records), 'records told by add');
    return now(addTo(box, added.batch, records), play.counter + records.length);
  }
  if (kind <= 7 && target !== undefined) {
    const gone = c % 5 === 4;
    const batch = gone ? box.last + 5 : target.batch;
    if (kind <= 5) {
      run.say(`acknowledge ${batch}`);
      run.count('verdicts for batches that are gone', gone);
      for (let i = 0; i < 1 + (c % 2); i++) await store.verdict(workspace, batch, { kind: 'acknowledged' });
      return now(acknowledge(box, batch));
    }
    const some = target.records.filter((_, i) => (b >> i) % 2 === 0);
    const ids: RecordId[] = c % 4 === 3 ? [] : c % 4 === 2 ? [...some, { tree: 't9' as TreeId, peer: 'p9' as PeerId, counter: 7 }] : some;
    const code = codes[c % codes.length] as (typeof codes)[number];
    const verdict: OutboxVerdict = { kind: 'refused', code, ids: ids.map(({ tree, peer, counter }) => ({ tree, peer, counter })) };
    run.say(`refuse ${batch} as ${code}: ${words(ids)}`);
    const { box: next, rest } = refuse(box, batch, code, ids);
    run.count('refusals of a part', rest.length > 0);
    await store.verdict(workspace, batch, verdict);
    const after = await numbered(next, rest, true);
    await store.verdict(workspace, batch, verdict); // told twice: the batch is gone
    return now(after);
  }
  if (kind === 8 || kind === 9) {
    const ids = box.quarantine.filter((_, i) => (b >> (i % 6)) % 2 === 0).map(({ record }) => record);
    const how = c % 2 === 0 ? 'retry' : 'discard';
    run.say(`release ${words(ids)}: ${how}`);
    run.count('records released', ids.length > 0);
    const { box: next, released } = releaseFrom(box, ids);
    await store.release(
      workspace,
      ids.map(({ tree, peer, counter }) => ({ tree, peer, counter })),
      how,
    );
    return now(how === 'retry' ? await numbered(next, released, false) : next);
  }
  if (kind <= 10) {
    const name = stateNames[b % stateNames.length] as string;
    const value = c % 5 === 1 ? undefined : `value ${c} é "';-- ${'x'.repeat(c * 10)}`;
    run.say(`state ${JSON.stringify(name)} ${value === undefined ? 'removed' : `of ${value.length} characters`}`);
    await store.setState(workspace, name, value);
    same(await store.state(workspace, name), value, 'state');
    const state = new Map(box.state);
    if (value === undefined) state.delete(name);
    else state.set(name, value);
    return now({ ...box, state });
  }
  if (c % 3 > 0) {
    run.say(c % 3 === 1 ? 'close and open again' : 'open again without a close');
    run.count('reopened');
    await (c % 3 === 1 ? room.reopen() : room.crash());
  }
  return play;
}

async function playAll(context: LawContext<'outbox'>, steps: readonly Small[], run: Run, reopening: boolean): Promise<void> {
  const room = await context.shared();
  const name = run.fresh('w');
  const spaces = [space(name), space(`${name}0`)];
  let play: Play = { boxes: [emptyBox, emptyBox], counter: 0 };
  for (const each of steps) {
    if (!reopening && each[0] > 10) continue;
    play = await step(room, spaces, play, each, run);
  }
  for (const [i, workspace] of spaces.entries()) {
    const box = play.boxes[i] as BoxModel;
    await expectBox(room.store, workspace, box, workspace);
    for (const unset of stateNames)
      if (!box.state.has(unset))
        same(await room.store.state(workspace, unset), undefined, `${workspace}: state ${unset}, which is not set`);
  }
}

const verdicts: Law<'outbox'> = {
  id: 'OB-01',
  kind: 'outbox',
  group,
  title: 'what was added waits, in order, until its verdict; a refusal quarantines what it names and sends the rest again as one new batch',
  why: 'An edit that leaves the outbox without a verdict is lost, and one that stays in it for ever blocks all that follow.',
  floors: { 'refusals of a part': { count: 5 }, 'records released': { count: 1 }, 'verdicts for batches that are gone': { count: 3 } },
  run: (context) =>
    context.check(fc.array(small, { minLength: 2, maxLength: 24, size: 'max' }), (steps, run) => playAll(context, steps, run, false), {
      runs: 40,
    }),
};

const durability: Law<'outbox'> = {
  id: 'OB-02',
  kind: 'outbox',
  group,
  title: 'all of it survives being closed, or dropped, and opened again; numbers go on where they were, also when nothing is left',
  why: 'A number used twice lets an old acknowledgement answer for a new edit.',
  needs: durable,
  floors: { reopened: { count: 12 } },
  run: async (context) => {
    await context.check(fc.array(small, { minLength: 4, maxLength: 24, size: 'max' }), (steps, run) => playAll(context, steps, run, true), {
      runs: 20,
    });
    await context.check(
      fc.record({ count: fc.integer({ min: 1, max: 4 }), crash: fc.boolean() }),
      async ({ count, crash }, run) => {
        const room = await context.shared();
        const workspace = space(run.fresh('w'));
        const used: number[] = [];
        for (let round = 0; round < 3; round++) {
          for (let i = 0; i < count; i++) used.push((await room.store.add(workspace, freshRecords(2, used.length * 2, i))).batch);
          for (const { batch } of await allPending(room.store, workspace, 100))
            await room.store.verdict(workspace, batch, { kind: 'acknowledged' });
          run.say(
            `${count} batches added and acknowledged: ${used.slice(-count).join(', ')}; then ${crash ? 'opened again without a close' : 'closed and opened again'}`,
          );
          await (crash ? room.crash() : room.reopen());
          same(await room.store.counts(workspace), { batches: 0, records: 0, quarantined: 0 }, 'counts of an empty outbox');
        }
        same(new Set(used).size, used.length, 'different numbers');
        holds(
          used.every((batch, i) => i === 0 || batch > (used[i - 1] as number)),
          `numbers went ${used.join(', ')}`,
        );
      },
      { runs: 6 },
    );
  },
};

const killed: Law<'outbox'> = {
  id: 'OB-03',
  kind: 'outbox',
  group,
  title: 'a kill loses no batch that was added and tears no verdict: every record is pending or in quarantine, once',
  why: 'The app is killed while it is offline; what was typed must be there tomorrow.',
  needs: durable,
  tools: ['child process'],
  floors: { 'kills among work': { share: 0.5 } },
  run: (context) =>
    context.check(
      fc.record({ lines: fc.integer({ min: 1, max: 40 }), size: fc.integer({ min: 1, max: 4 }) }),
      async ({ lines, size }, run) => {
        const room = await context.room();
        await room.store.close();
        const plan: OutboxPlan = { workspace: run.fresh('w'), batches: 400, size };
        const child = await context.world.spawn(room.place, { role: 'adder', plan: { ...plan } });
        child.go();
        const told: string[] = [];
        while (told.length < lines) told.push((await child.line()) ?? 'gone');
        await child.kill();
        for (let line = await child.line(); line !== undefined; line = await child.line()) told.push(line);
        const numbers = told.filter((line) => line.startsWith('added ')).map((line) => Number(line.split(' ')[1]));
        run.count('kills among work', numbers.length < plan.batches);
        run.say(`killed after ${numbers.length} batches were added: ${told.slice(-2).join(', ')}`);
        const outbox = await room.another();
        const workspace = space(plan.workspace);
        const pending = await allPending(outbox, workspace, 50);
        const quarantine = await outbox.quarantine(workspace);
        const there = [...pending.flatMap(({ records }) => records), ...quarantine.map(({ record }) => record)].map(
          ({ counter }) => counter,
        );
        same(new Set(there).size, there.length, 'records, each once');
        const lost = numbers.flatMap((n) => plannedRecords(n, size)).filter(({ counter }) => !there.includes(counter));
        same(words(lost), '(nothing)', 'records lost');
        const beyond = there.length - numbers.length * size;
        holds(beyond === 0 || beyond === size, `${beyond} records are there of a batch nobody was told of, of ${size}`);
        same(
          await outbox.counts(workspace),
          { batches: pending.length, records: there.length - quarantine.length, quarantined: quarantine.length },
          'counts',
        );
        const torn = pending.filter(
          ({ records }) => records.length !== size && !(records.length === size - 1 && (records[0]?.counter ?? 0) % size === 1 % size),
        );
        same(batchWords(torn), '', 'torn batches');
        holds(
          pending.every(({ batch }, i) => i === 0 || batch > (pending[i - 1]?.batch ?? 0)),
          'pending batches are out of order',
        );
        const next = await outbox.add(workspace, plannedRecords(1000, 1));
        const highest = Math.max(0, ...told.filter((line) => line.startsWith('added ')).map((line) => Number(line.split(' ')[2])));
        holds(next.batch > highest, `number ${next.batch} was used before the kill`);
      },
      { runs: 4 },
    ),
};

const concurrent: Law<'outbox'> = {
  id: 'OB-04',
  kind: 'outbox',
  group,
  title: 'calls made at once keep their order and their numbers apart, beside verdicts and in several workspaces',
  why: 'Edits are typed while verdicts come in; the order they were made in is the order they must be sent in.',
  run: (context) =>
    context.check(
      fc.record({ count: fc.integer({ min: 2, max: 30 }), acked: fc.nat(9) }),
      async ({ count, acked }, run) => {
        const { store } = await context.shared();
        const name = run.fresh('w');
        const spaces = [space(name), space(`${name}_`)];
        run.say(`${count} adds at once in each of two workspaces, beside ${acked} acknowledgements of what was there`);
        const old = await Promise.all(
          Array.from({ length: acked }, (_, i) => store.add(spaces[0] as WorkspaceId, freshRecords(1, 5000 + i, i))),
        );
        const adds = spaces.map((workspace) => Array.from({ length: count }, (_, i) => store.add(workspace, freshRecords(2, i * 2, i))));
        await Promise.all(old.map(({ batch }) => store.verdict(spaces[0] as WorkspaceId, batch, { kind: 'acknowledged' })));
        for (const [i, workspace] of spaces.entries()) {
          const added = await Promise.all(adds[i] as (typeof adds)[0]);
          const pending = await allPending(store, workspace, 7);
          same(batchWords(pending), batchWords(added), 'pending, beside what the adds told');
          same(
            words(pending.flatMap(({ records }) => records)),
            words(Array.from({ length: count }, (_, n) => freshRecords(2, n * 2, n)).flat()),
            'records in the order of the calls',
          );
        }
      },
      { runs: 15 },
    ),
};

const hygiene: Law<'outbox'> = {
  id: 'OB-05',
  kind: 'outbox',
  group: 'life',
  title: 'arguments are copied, what is no record is `invalid` and adds nothing, an aborted call did nothing, after close all is `closed`',
  why: 'What waits for days must be exactly what was typed.',
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const { store } = room;
      const workspace = space('hygiene');
      const records = freshRecords(2, 0, 5);
      const bodies = records.map(({ body }) => body.slice());
      const adding = store.add(workspace, records);
      await adding;
      for (const { body } of records) body.fill(0x21);
      records.pop();
      const [batch] = await store.pending(workspace, 0, 10);
      same(
        batch?.records.map(({ body }) => [...body]),
        bodies.map((body) => [...body]),
        'bodies, after the caller changed its own',
      );
      const [good] = freshRecords(1, 100, 1) as [OpRecord];
      const bad: readonly unknown[] = [
        { ...good, counter: -1 },
        { ...good, counter: 0.5 },
        { ...good, tree: '' },
        { ...good, peer: 'a b' },
        { ...good, body: 'text' },
        null,
      ];
      for (const one of bad) {
        run.say(`add ${JSON.stringify(one)}`);
        await refused((async () => store.add(workspace, [good, one as OpRecord]))(), 'an add with something that is no record', 'invalid');
      }
      await refused(store.add(workspace, [good], { signal: AbortSignal.abort() }), 'an aborted add', 'aborted');
      await refused(
        store.verdict(workspace, batch?.batch ?? 0, { kind: 'acknowledged' }, { signal: AbortSignal.abort() }),
        'an aborted verdict',
        'aborted',
      );
      same(await store.counts(workspace), { batches: 1, records: 2, quarantined: 0 }, 'counts after all that');
      same(await store.counts(space('never-seen')), { batches: 0, records: 0, quarantined: 0 }, 'counts of an unknown workspace');
      same(await store.pending(space('never-seen'), 0, 10), [], 'pending of an unknown workspace');
      await store.release(space('never-seen'), [good], 'retry');
      await store.verdict(space('never-seen'), 1, { kind: 'acknowledged' });
      run.say('4 adds, not awaited, then close');
      const adds = Array.from({ length: 4 }, (_, i) => settle(store.add(workspace, freshRecords(1, 200 + i, i))));
      await store.close();
      const kept = (await Promise.all(adds)).filter((outcome) => outcome.ok).length;
      await store.close();
      await refused(store.add(workspace, [good]), 'add after close', 'closed');
      await refused(store.pending(workspace, 0, 1), 'pending after close', 'closed');
      if (!durable.holds(store, context.subject)) return;
      const again = await room.reopen();
      same((await again.counts(workspace)).batches, 1 + kept, 'batches after opening again');
    }),
};

export const deliveryLaws: readonly Law<'outbox'>[] = [verdicts, durability, killed, concurrent, hygiene];
