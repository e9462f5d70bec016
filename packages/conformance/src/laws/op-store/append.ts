import type { OpRecord, PeerId, StoredRecord, TreeId } from '@spacestore/core';
import fc from 'fast-check';
import { holds, refused, same, show } from '../../check/expect.ts';
import { sameRecords, words } from '../../check/words.ts';
import { alteredBody, bodyOf } from '../../gen/bytes.ts';
import { notCounters } from '../../gen/ids.ts';
import { pick, resolveAppend, step, steps } from '../../gen/steps.ts';
import { idOf, plain } from '../../model/op-store.ts';
import type { Law } from '../../spec/law.ts';
import { opLaw } from './define.ts';
import { openScene } from './scene.ts';

const record = (counter: number, body: Uint8Array = bodyOf(counter), peer = 'a', tree = 't'): OpRecord => ({
  tree: tree as TreeId,
  peer: peer as PeerId,
  counter,
  body,
});

const fields = ['tree', 'peer', 'counter', 'body', 'position', 'receivedAt', 'via'];

const readBack = opLaw('OP-01', {
  floors: { 'empty bodies': { count: 1 } },
  run: (context) =>
    context.check(
      steps(6),
      async (plan, run) => {
        const scene = await openScene(context, run);
        await scene.build(plan);
        const records = await scene.read();
        sameRecords(records, scene.records, 'read');
        for (const one of records) {
          run.count('empty bodies', one.body.length === 0);
          const extra = Object.keys(one).filter((key) => !fields.includes(key));
          same(extra, [], `own properties of ${words([one])} beyond the contract's`);
          holds(typeof one.counter === 'number' && one.body instanceof Uint8Array, `types of ${words([one])}: ${show(one)}`);
        }
      },
      { runs: 40 },
    ),
});

const idempotent = opLaw('OP-02', {
  floors: { 'records repeated': { count: 30 } },
  run: (context) =>
    context.check(
      fc.tuple(steps(5), steps(5), fc.boolean()),
      async ([plan, again, reverse], run) => {
        const scene = await openScene(context, run);
        await scene.build(plan);
        for (const one of again) {
          const known = plain(scene.records.slice(one[1] % scene.records.length));
          run.count('records repeated', known.length > 0);
          await scene.append(reverse ? known.reverse() : known);
          await scene.append([...known.slice(0, 2), ...known.slice(0, 2)]);
          const fresh = resolveAppend(one, scene.log);
          await scene.append([...fresh, ...known.slice(0, 1), ...fresh]);
        }
        await scene.verify('after repeats');
      },
      { runs: 30 },
    ),
});

const immutable = opLaw('OP-03', {
  floors: { equivocations: { count: 20 } },
  run: (context) =>
    context.check(
      fc.tuple(steps(5), step, steps(3)),
      async ([plan, [k, how, place, c], more], run) => {
        const scene = await openScene(context, run);
        await scene.build(plan);
        const victim = pick(scene.records, k);
        if (!victim) return;
        const { tree, peer, counter, body } = victim;
        const batch = resolveAppend([0, c, place, how], scene.log);
        const altered = { tree, peer, counter, body: alteredBody(body, how) };
        batch.splice(place % (batch.length + 1), 0, altered);
        run.count('equivocations');
        run.say(`append  ${words(batch)}  where ${words([altered])} has other bytes`);
        const error = await refused(scene.store.append(scene.workspace, batch), 'other bytes under a known id', 'equivocation');
        same(idsIn(error.context.ids), [idOf(altered)], 'ids named by the refusal');
        await scene.verify('after the refusal');
        await scene.build(more);
        await scene.verify('later');
      },
      { runs: 40 },
    ),
});

function idsIn(ids: unknown): unknown {
  return Array.isArray(ids) ? ids.map((id: unknown) => idOf(id as OpRecord)) : ids;
}

const equivocationInside = opLaw('OP-04', {
  run: (context) =>
    context.check(
      fc.tuple(steps(3, 0), step, fc.nat(20)),
      async ([plan, [k, how, place, c], offset], run) => {
        const scene = await openScene(context, run);
        await scene.build(plan);
        const batch = resolveAppend([0, k, how, c], scene.log);
        const twin = pick(batch, place) as OpRecord;
        batch.splice(offset % (batch.length + 1), 0, { ...twin, body: alteredBody(twin.body, how) });
        run.say(`append  ${words(batch)}  where ${words([twin])} has two bodies`);
        await refused(scene.store.append(scene.workspace, batch), 'two bodies under one id', 'equivocation');
        await scene.verify('after the refusal');
        const copies = resolveAppend([0, k, how, c], scene.log);
        await scene.append([...copies, ...copies.map((one) => ({ ...one, body: Uint8Array.from(one.body) }))]);
        await scene.verify('after equal copies');
      },
      { runs: 30 },
    ),
});

const notBodies: readonly unknown[] = [
  undefined,
  null,
  '',
  'text',
  0,
  [1, 2],
  {},
  new ArrayBuffer(2),
  new Uint16Array(2),
  { length: 1, 0: 1 },
];

const validation = opLaw('OP-05', {
  floors: { 'bad values tried': { count: 25 } },
  run: async (context) => {
    const { store } = await context.shared();
    await context.example(async (run) => {
      const scene = await openScene(context, run);
      await scene.append([record(0)]);
      const attempt = async (bad: unknown, what: string): Promise<void> => {
        run.count('bad values tried');
        run.say(`append  ${what}`);
        await refused(store.append(scene.workspace, [record(1), bad as OpRecord]), what, 'invalid');
      };
      for (const counter of notCounters) await attempt({ ...record(1), counter }, `a record with counter ${show(counter)}`);
      for (const body of notBodies) await attempt({ ...record(1), body }, `a record with body ${show(body)}`);
      for (const bad of [undefined, null, 1, 'record', []]) await attempt(bad, `${show(bad)} as a record`);
      await refused(store.append(scene.workspace, 'records' as never), 'text as the list of records', 'invalid');
      const { fence, receivedAt } = store.capabilities;
      for (const value of [Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY, '1']) {
        if (receivedAt)
          await refused(
            store.append(scene.workspace, [record(1)], { receivedAt: value as number }),
            `receivedAt ${show(value)}`,
            'invalid',
          );
        if (fence)
          await refused(store.append(scene.workspace, [record(1)], { ifEpoch: value as number }), `ifEpoch ${show(value)}`, 'invalid');
      }
      await scene.verify('after the refusals');
    });
  },
});

const atomic = opLaw('OP-06', {
  floors: { 'bad record inside': { count: 6 }, 'long calls': { count: 2 } },
  run: (context) =>
    context.check(
      fc.tuple(steps(3, 0), step, fc.nat(3), fc.boolean()),
      async ([plan, [k, place, how, c], kind, long], run) => {
        const scene = await openScene(context, run);
        await scene.build([[0, 0, 0, 0], ...plan]);
        const { maxCallRecords } = scene.store.capabilities;
        const count = Math.min(long ? 700 : 2 + (c % 6), maxCallRecords - 1);
        const batch = Array.from({ length: count }, (_, i) => record(i, bodyOf(i), `n${i % 3}`));
        const [known] = plain([pick(scene.records, k) as OpRecord]) as [OpRecord];
        const bad: OpRecord =
          kind === 0
            ? { ...known, counter: -1 }
            : kind === 1
              ? { ...known, peer: 'not an id' as PeerId }
              : { ...known, body: alteredBody(known.body, how) };
        const at = long ? count - (place % 3) : place % (batch.length + 1);
        batch.splice(at, 0, bad);
        run.count('bad record inside', at > 0 && at < count);
        run.count('long calls', long);
        run.say(`append  ${count} records with a bad one at place ${at}`);
        await refused(scene.store.append(scene.workspace, batch), 'a call with a bad record', kind < 2 ? 'invalid' : 'equivocation');
        await scene.verify('after the refusal');
        await scene.append(batch.filter((one) => one !== bad));
        await scene.verify('after the good rest');
      },
      { runs: 24 },
    ),
});

const emptyAppend = opLaw('OP-07', {
  run: (context) =>
    context.example(async (run) => {
      const scene = await openScene(context, run);
      run.say('append  (nothing)  to an unknown workspace');
      const result = await scene.store.append(scene.workspace, []);
      same(
        { ...result, through: result.through ?? null },
        { added: 0, committedAt: 0, through: null },
        'result of an empty append to nothing',
      );
      await scene.verify('after an empty append');
      const listed = (await scene.store.workspaces({ limit: 1000 })).items.includes(scene.workspace);
      holds(!listed, 'an empty append created the workspace');
      await scene.append([record(0), record(1)]);
      const head = await scene.store.head(scene.workspace);
      const again = await scene.store.append(scene.workspace, []);
      same(again.added, 0, 'added by an empty append');
      same(again.through, head?.cursor, 'through of an empty append');
      await scene.verify('after an empty append');
    }),
});

const counts = opLaw('OP-08', {
  floors: { 'calls with duplicates and news': { count: 2 } },
  run: (context) =>
    context.check(
      steps(10),
      async (plan, run) => {
        const scene = await openScene(context, run);
        for (const one of plan) {
          const batch = resolveAppend(one, scene.log);
          const known = new Set(scene.records.map(idOf));
          const news = batch.filter((each) => !known.has(idOf(each))).length;
          run.count('calls with duplicates and news', news > 0 && news < batch.length);
          await scene.append(batch);
          const again = await scene.store.append(scene.workspace, batch);
          const head = await scene.store.head(scene.workspace);
          same(again.added, 0, 'added by a repeated call');
          same(again.through, head?.cursor, 'through of an append, beside the head with nobody else writing');
        }
      },
      { runs: 30 },
    ),
});

const noAliasing = opLaw('OP-09', {
  run: (context) =>
    context.check(
      fc.tuple(step, fc.nat(3), fc.nat(40)),
      async ([one, how, offset], run) => {
        const scene = await openScene(context, run);
        const records = resolveAppend(one, undefined).map((each) => ({ ...each, body: viewOf(each.body, how, offset) }));
        const before = records.map((each) => ({ ...each, body: Uint8Array.from(each.body) })); // Buffer.slice would share
        const list = [...records].reverse();
        const order = [...list];
        run.say(`append  ${words(list)}  as ${viewNames[how]} at offset ${offset}`);
        const appended = scene.store.append(scene.workspace, list);
        await appended;
        holds(list.length === order.length && list.every((each, i) => each === order[i]), 'append reordered the caller’s list');
        records.forEach((each, i) => {
          sameRecords([each], [before[i] as OpRecord], 'the caller’s records after append');
        });
        for (const each of records) each.body.fill(0xee);
        list.length = 0;
        const expected = before.reverse();
        sameRecords(plain(await scene.read()), expected, 'read after the caller reused the buffers');
        const page = await scene.store.read(scene.workspace, { limit: 100 });
        for (const each of page.records) {
          each.body.fill(0xdd);
          (each as { counter: number }).counter = 77;
        }
        (page.records as StoredRecord[]).length = 0;
        sameRecords(plain(await scene.read()), expected, 'read after the reader changed its result');
      },
      { runs: 24 },
    ),
});

const viewNames = ['a plain array', 'a view into a larger buffer', 'a view of shared memory', 'a pooled Buffer'] as const;

function viewOf(bytes: Uint8Array, how: number, offset: number): Uint8Array {
  if (how === 0) return bytes.slice();
  if (how === 3) return Buffer.from(bytes);
  const length = bytes.length + offset + 7;
  const whole = new Uint8Array(how === 1 ? new ArrayBuffer(length) : new SharedArrayBuffer(length)).fill(0xaa);
  whole.set(bytes, offset);
  return whole.subarray(offset, offset + bytes.length);
}

/** What one append means. */
export const appendLaws: readonly Law<'op-store'>[] = [
  readBack,
  idempotent,
  immutable,
  equivocationInside,
  validation,
  atomic,
  emptyAppend,
  counts,
  noAliasing,
];
/** Kept for laws that need a record or two. */
export { record as plainRecord };
