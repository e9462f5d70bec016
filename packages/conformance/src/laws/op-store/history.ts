import type { ByteSource, Cursor, Head, WorkspaceId } from '@spacestore/core';
import { isStoreError } from '@spacestore/core';
import fc from 'fast-check';
import { holds, refused, same, settle } from '../../check/expect.ts';
import { sameRecords, words } from '../../check/words.ts';
import { alteredBody, bodyOf } from '../../gen/bytes.ts';
import { resolveAppend, step, steps } from '../../gen/steps.ts';
import { appendTo, fenced, type LogModel, plain } from '../../model/op-store.ts';
import type { Run } from '../../run/context.ts';
import type { Law } from '../../spec/law.ts';
import { plainRecord } from './append.ts';
import { claims, opLaw } from './define.ts';
import { readAll } from './reading.ts';
import { openScene, type Scene } from './scene.ts';

const fencing = opLaw('OP-54', {
  needs: claims('fence'),
  floors: { 'appends denied': { count: 5 }, 'appends at or above the epoch': { count: 10 }, 'late drops': { count: 5 } },
  refusal: async (context) => {
    await context.example(async (run) => {
      const scene = await openScene(context, run);
      await refused(scene.store.fence(scene.workspace, 1), 'fence', 'unsupported');
      await refused(scene.store.append(scene.workspace, [plainRecord(0)], { ifEpoch: 1 }), 'append with ifEpoch', 'unsupported');
      await refused(scene.store.drop(scene.workspace, { ifEpoch: 1 }), 'drop with ifEpoch', 'unsupported');
      await scene.verify('after the refusals');
    });
  },
  run: (context) =>
    context.check(
      fc.tuple(fc.boolean(), fc.array(fc.tuple(fc.nat(4), fc.nat(9), step), { minLength: 2, maxLength: 12, size: 'max' })),
      async ([fenceFirst, plan], run) => {
        const scene = await openScene(context, run);
        run.say('append  to an unknown workspace with ifEpoch 0');
        await scene.append([plainRecord(0)], { ifEpoch: 0 });
        await scene.verify('after not_found');
        if (!fenceFirst) await scene.append([plainRecord(0)]);
        const fence = async (epoch: number): Promise<void> => {
          run.say(`fence   ${epoch}`);
          scene.become(fenced(scene.log, epoch));
          same(await scene.store.fence(scene.workspace, epoch), scene.log?.epoch, 'the epoch fence resolves with');
        };
        const appendIfEpoch = async (ifEpoch: number, one: (typeof plan)[number][2]): Promise<void> => {
          if (scene.log) run.count(ifEpoch < scene.log.epoch ? 'appends denied' : 'appends at or above the epoch');
          await scene.append(resolveAppend(one, scene.log), { ifEpoch });
        };
        for (const [what, epoch, one] of plan) {
          if (what === 0) await fence(epoch);
          else if (what === 1) await scene.append(resolveAppend(one, scene.log));
          else if (what === 4) await dropUpTo(scene, Math.max(0, (scene.log?.epoch ?? 0) - 1 + (epoch % 4 === 0 ? 1 : 0)), run);
          else {
            const known = scene.log?.epoch ?? 0;
            await appendIfEpoch(what === 2 ? epoch : Math.max(0, known + (epoch % 3) - 1), one);
          }
          if (scene.log) same((await scene.store.head(scene.workspace))?.epoch, scene.log.epoch, 'head.epoch');
        }
        // Whatever the plan was: one that comes late, and one in time.
        const raised = (scene.log?.epoch ?? 0) + 1;
        const [, , lastStep] = plan.at(-1) as (typeof plan)[number];
        await fence(raised);
        await appendIfEpoch(raised - 1, lastStep);
        await appendIfEpoch(raised, lastStep);
        await scene.verify();
      },
      { runs: 24 },
    ),
});

/** Drops a log unless it was fenced higher. */
async function dropUpTo(scene: Scene, ifEpoch: number, run: Run): Promise<void> {
  run.say(`drop    up to epoch ${ifEpoch}`);
  const late = scene.log !== undefined && scene.log.epoch > ifEpoch;
  run.count('late drops', late);
  if (late) await refused(scene.store.drop(scene.workspace, { ifEpoch }), 'a drop that comes late', 'denied');
  else {
    await scene.store.drop(scene.workspace, { ifEpoch });
    scene.become(undefined);
  }
  await scene.verify('after the drop');
}

const times = opLaw('OP-55', {
  run: (context) =>
    context.check(
      fc.array(
        fc.tuple(
          step,
          fc.constantFrom(0, 1, 5, -1, -1000, 1000, -1e9),
          fc.option(fc.constantFrom(0, 1, -5, 5, 1e6, -1e12), { nil: undefined }),
        ),
        { minLength: 1, maxLength: 10 },
      ),
      async (plan, run) => {
        const scene = await openScene(context, run);
        const { receivedAt: honoured } = scene.store.capabilities;
        const { clock } = scene.room;
        let last = 0;
        const expected: number[] = [];
        for (const [one, by, given] of plan) {
          clock.advance(by);
          const at = given === undefined || !honoured ? undefined : Math.max(0, clock.now() + given);
          const before = scene.records.length;
          run.say(`clock   ${clock.now()}`);
          await scene.append(resolveAppend(one, scene.log), at === undefined ? {} : { receivedAt: at });
          if (scene.records.length > before) last = Math.max(last, at ?? clock.now());
          for (let i = before; i < scene.records.length; i++) expected.push(last);
        }
        clock.set(1_800_000_000_000);
        const actual = (await scene.read()).map((one) => one.receivedAt);
        holds(
          actual.every((time, i) => Number.isInteger(time) && time >= (actual[i - 1] ?? 0)),
          `receivedAt decreases: ${actual.join(', ')}`,
        );
        // Only a store that lets callers set the time is one whose clock this kit can own.
        if (honoured) same(actual, expected, 'receivedAt');
      },
      { runs: 24 },
    ),
});

const density = opLaw('OP-56', {
  floors: { 'cursors of another history': { count: 10 } },
  run: (context) =>
    context.check(
      fc.tuple(steps(6), steps(4), step, fc.nat(99)),
      async ([plan, more, altered, k], run) => {
        const scene = await openScene(context, run);
        const cursors = new Map<number, Cursor>();
        for (const one of plan) {
          await scene.build([one]);
          const head = await scene.store.head(scene.workspace);
          cursors.set(scene.records.length, head?.cursor as Cursor);
        }
        const positions = (await scene.read()).map((one) => one.position);
        same(
          positions,
          positions.map((_, i) => i + 1),
          'positions',
        );
        const first = await scene.store.head(scene.workspace);
        await scene.build(more);
        for (const [at, cursor] of cursors)
          sameRecords(await scene.read({ after: cursor }), scene.records.slice(at), `read after the cursor at ${at}`);
        same((await scene.store.head(scene.workspace))?.incarnation, first?.incarnation, 'incarnation');

        // Another history with the same name: begun again after a drop, first with other records, then with the very same.
        const old = scene.records;
        await scene.store.drop(scene.workspace);
        scene.become(undefined);
        run.say('drop');
        for (const [at, cursor] of cursors) {
          if (at === 0) continue;
          await refused(
            scene.store.read(scene.workspace, { after: cursor, limit: 10 }),
            `the cursor at ${at} of a dropped log`,
            'stale_cursor',
          );
        }
        const again =
          k % 2 === 0
            ? plain(old)
            : plain(old).map((one, i) => (i === k % old.length ? { ...one, body: alteredBody(one.body, altered[1]) } : one));
        await scene.append(again);
        for (const [at, cursor] of cursors) {
          if (at === 0) continue;
          run.count('cursors of another history');
          await refused(
            scene.store.read(scene.workspace, { after: cursor, limit: 10 }),
            `the cursor at ${at} of an earlier history`,
            'stale_cursor',
          );
          await refused(
            scene.store.read(scene.workspace, { through: cursor, limit: 10 }),
            `through of an earlier history at ${at}`,
            'stale_cursor',
          );
        }
        const head = await scene.store.head(scene.workspace);
        holds(head !== undefined && head.incarnation !== first?.incarnation, 'a log begun again after drop has the old incarnation');
      },
      { runs: 16 },
    ),
});

const groupCommit = opLaw('OP-57', {
  floors: { 'calls refused among others': { count: 30 } },
  run: (context) =>
    context.check(
      fc.tuple(fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 5 })), { minLength: 2, maxLength: 20, size: 'max' }), fc.boolean()),
      async ([calls, newWorkspace], run) => {
        const scene = await openScene(context, run);
        const taken = plainRecord(0, bodyOf(1));
        if (!newWorkspace) await scene.append([taken]);
        const { fence } = scene.store.capabilities;
        let log: LogModel | undefined = scene.log;
        const planned = calls.map(([kind, size], i) => {
          const good = Array.from({ length: size }, (_, n) => plainRecord(n, bodyOf(n), `p${i}`));
          const records =
            kind === 0
              ? [...good, plainRecord(0, bodyOf(50 + i))]
              : kind === 1
                ? [...good, plainRecord(-1)]
                : kind === 2
                  ? [...good, taken]
                  : good;
          const options = kind === 3 && fence ? { ifEpoch: 0 } : {};
          const refusedAs = kind === 1 ? 'invalid' : undefined;
          return { records, options, refusedAs };
        });
        run.say(
          `append  ${planned.length} calls at once: ${planned.map((one) => `[${words(one.records)}]${'ifEpoch' in one.options ? ' ifEpoch 0' : ''}`).join('  ')}`,
        );
        const outcomes = await Promise.all(planned.map((one) => settle(scene.store.append(scene.workspace, one.records, one.options))));
        planned.forEach((one, i) => {
          const outcome = outcomes[i];
          // Calls of one turn are judged in the order they were made.
          const expected = one.refusedAs ? ({ ok: false, code: one.refusedAs } as const) : appendTo(log, one.records, one.options);
          if (expected.ok) log = expected.log;
          else run.count('calls refused among others');
          const got = outcome?.ok
            ? `accepted, added ${outcome.value.added}`
            : isStoreError(outcome?.error)
              ? outcome.error.code
              : String(outcome?.error);
          same(got, expected.ok ? `accepted, added ${expected.added}` : expected.code, `outcome of call ${i}`);
        });
        scene.become(log);
        await scene.verify('after all settled');
      },
      { runs: 30 },
    ),
});

const restored = opLaw('OP-58', {
  needs: claims('snapshot'),
  refusal: async (context) => {
    await context.example(async (run) => {
      const scene = await openScene(context, run);
      await scene.append([plainRecord(0)]);
      await refused(scene.store.snapshot(scene.workspace), 'snapshot', 'unsupported');
      await refused(scene.store.restore(scene.workspace, sourceOf(new Uint8Array(8))), 'restore', 'unsupported');
      await scene.verify('after the refusals');
    });
  },
  run: (context) =>
    context.check(
      fc.tuple(steps(4), steps(4, 0), steps(3), fc.nat(5)),
      async ([plan, later, after, epoch], run) => {
        const scene = await openScene(context, run);
        same(await scene.store.snapshot(scene.workspace), undefined, 'snapshot of an unknown workspace');
        const cursors = await buildWithCursors(scene, plan);
        const bytes = await drain((await scene.store.snapshot(scene.workspace)) as ByteSource);
        const [kept, original] = [scene.log, (await scene.store.head(scene.workspace)) as Head];
        const late = [...(await buildWithCursors(scene, later))].filter(([at]) => at > (kept?.records.length ?? 0));
        if (scene.store.capabilities.fence) await scene.store.fence(scene.workspace, epoch);
        await refused(
          scene.store.restore(scene.workspace, sourceOf(bytes.slice(0, -1 - (epoch % bytes.length)))),
          'a cut snapshot',
          'corrupt',
          'invalid',
        );
        const other = `${scene.workspace}other` as WorkspaceId;
        await refused(scene.store.restore(other, sourceOf(bytes)), 'a snapshot of another workspace', 'invalid');
        same(await scene.store.head(other), undefined, 'head of the workspace that was not restored');
        await scene.verify('after refused restores');
        run.say(`restore ${words(kept?.records ?? [])}`);
        const head = await scene.store.restore(scene.workspace, sourceOf(bytes));
        scene.become({ records: kept?.records ?? [], epoch: scene.store.capabilities.fence ? Math.max(epoch, kept?.epoch ?? 0) : 0 });
        await scene.verify('after the restore');
        holds(head.incarnation !== original.incarnation, 'a restored log has the incarnation of its snapshot');
        same(head.lineage[0], { incarnation: original.incarnation, forkedAt: original.cursor }, 'the newest fork of the lineage');
        same(head.lineage.slice(1), original.lineage, 'the older lineage');
        same((await scene.store.head(scene.workspace))?.epoch, scene.log?.epoch, 'epoch after the restore');
        await scene.build(after);
        for (const [at, cursor] of cursors) {
          const read = await readAll(scene.store, scene.workspace, { after: cursor });
          sameRecords(read.records, scene.records.slice(at), `read after the snapshot's cursor at ${at}`);
          holds(read.through?.startsWith(head.incarnation) ?? false, `through after an ancestor's cursor is ${read.through}`);
        }
        for (const [at, cursor] of late) {
          run.count('cursors after the fork');
          const error = await refused(
            scene.store.read(scene.workspace, { after: cursor, limit: 10 }),
            `a cursor at ${at}, after the fork`,
            'stale_cursor',
          );
          same(error.context.lineage, head.lineage, 'lineage in the context of the refusal');
        }
        await scene.verify('later');
      },
      { runs: 12 },
    ),
});

async function buildWithCursors(scene: Scene, plan: Parameters<Scene['build']>[0]): Promise<ReadonlyMap<number, Cursor>> {
  const cursors = new Map<number, Cursor>();
  for (const one of plan) {
    await scene.build([one]);
    cursors.set(scene.records.length, (await scene.store.head(scene.workspace))?.cursor as Cursor);
  }
  return cursors;
}

async function drain(source: ByteSource): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.open()) chunks.push(Uint8Array.from(chunk));
  return Uint8Array.from(Buffer.concat(chunks));
}

function sourceOf(bytes: Uint8Array): ByteSource {
  return {
    open: async function* () {
      for (let at = 0; at < bytes.length; at += 1000) yield bytes.slice(at, at + 1000);
    },
  };
}

/** What a log says of its own past. */
export const historyLaws: readonly Law<'op-store'>[] = [fencing, times, density, groupCommit, restored];
