import type { OpStore, WorkspaceId } from '@spacestore/core';
import fc from 'fast-check';
import { LawBroken, LawUndecided } from '../../check/broken.ts';
import { holds, same } from '../../check/expect.ts';
import { brokenRules, type HistoryEvent } from '../../check/history.ts';
import { resolveAppend, step } from '../../gen/steps.ts';
import { idOf } from '../../model/op-store.ts';
import type { LawContext, Room } from '../../run/context.ts';
import type { Law } from '../../spec/law.ts';
import { type KillPoint, type KillPoints, killAt, readKillPoints, traceKillable } from '../../world/kill-points.ts';
import { plannedBody, plannedTree, type WriterPlan } from '../../world/op-store-roles.ts';
import { ChildDied } from '../../world/spawn.ts';
import { auditSyncs, straceOf } from '../../world/strace.ts';
import { claims, durable, durableOverPower, opLaw } from './define.ts';
import { readAll } from './reading.ts';
import { openScene } from './scene.ts';

const reopening = opLaw('OP-36', {
  needs: durable,
  floors: { 'handles crashed': { count: 6 }, 'handles closed': { count: 6 } },
  run: (context) =>
    context.check(
      fc.array(fc.tuple(step, fc.nat(3)), { minLength: 2, maxLength: 10, size: 'max' }),
      async (plan, run) => {
        const scene = await openScene(context, run);
        for (const [one, end] of plan) {
          await scene.append(resolveAppend(one, scene.log));
          if (end > 1) continue;
          run.say(end === 0 ? 'close and open again' : 'open again without a close');
          run.count('handles closed', end === 0);
          run.count('handles crashed', end === 1);
          await (end === 0 ? scene.room.reopen() : scene.room.crash());
          await scene.verify('after opening again');
        }
        await scene.room.reopen();
        await scene.verify('at the end');
      },
      { runs: 12 },
    ),
});

/** What a store holds of a planned writer's batches, judged whole: the count of records there, by batch. */
async function judgeBatches(store: OpStore, plan: WriterPlan, acknowledged: ReadonlySet<number>): Promise<number> {
  const { records } = await readAll(store, plan.workspace as WorkspaceId);
  const byBatch = new Map<number, number>();
  for (const one of records) {
    if (one.peer !== plan.peer) continue;
    const batch = Math.floor(one.counter / plan.size);
    byBatch.set(batch, (byBatch.get(batch) ?? 0) + 1);
    const body = plannedBody(plan.peer, one.counter, plan.bodyBytes);
    holds(
      Buffer.compare(one.body, body) === 0 && one.tree === plannedTree(plan, one.counter),
      `${idOf(one)} has other content than was appended`,
    );
  }
  const lost = [...acknowledged].filter((batch) => byBatch.get(batch) !== plan.size);
  holds(lost.length === 0, `acknowledged batches lost or cut: ${lost.join(', ')} of ${acknowledged.size}`);
  const torn = [...byBatch].filter(([, count]) => count !== plan.size);
  holds(torn.length === 0, `torn batches: ${torn.map(([batch, count]) => `${batch} has ${count} of ${plan.size} records`).join(', ')}`);
  const beyond = [...byBatch.keys()].filter((batch) => !acknowledged.has(batch));
  holds(beyond.length <= plan.width, `${beyond.length} batches are there that nobody was told of, at most ${plan.width} were under way`);
  const head = await store.head(plan.workspace as WorkspaceId);
  same(head?.records ?? 0, records.length, 'head.records after the crash');
  const missing = await readAll(store, plan.workspace as WorkspaceId, { missing: new Map() });
  same(missing.records.length, records.length, 'records by the id index after the crash');
  return byBatch.size;
}

const killing = opLaw('OP-37', {
  needs: durable,
  tools: ['child process'],
  floors: { 'kills after an acknowledgement': { count: 2 } },
  run: async (context) => {
    const kill = (acks: fc.Arbitrary<number>, runs: number): Promise<void> =>
      context.check(
        fc.tuple(acks, fc.constantFrom(1, 1, 4), fc.constantFrom(1, 3, 30), fc.nat(3000)),
        async ([acks, width, size, delayUs], run) => {
          const room = await context.room();
          const plan: WriterPlan = {
            workspace: run.fresh('w'),
            trees: ['t', 'u'],
            peer: 'writer',
            batches: 100_000,
            size,
            bodyBytes: 200,
            width,
          };
          run.say(`a child appends batches of ${size} records, ${width} at once; SIGKILL ${delayUs} µs after acknowledgement ${acks}`);
          await room.store.close();
          const acknowledged = await killAfter(context, room.place, plan, acks, delayUs);
          if (acks > 0) run.count('kills after an acknowledgement', acknowledged.size > 0);
          const store = await room.another();
          await judgeBatches(store, plan, acknowledged);
          const again = await store.append(plan.workspace as WorkspaceId, [
            { tree: 'after' as never, peer: 'after' as never, counter: 1, body: Uint8Array.of(1) },
          ]);
          same(again.added, 1, 'added after the crash');
          await store.close();
        },
        { runs, fullFactor: 5, hangMs: 60_000 },
      );
    await kill(fc.integer({ min: 1, max: 25 }), 3);
    await kill(fc.constant(0), 1); // while the store is made
  },
});

/** Lets a child write until it told of `acks` batches, kills it, and gives the batches it told of. */
async function killAfter(
  context: LawContext<'op-store'>,
  place: Parameters<LawContext<'op-store'>['world']['spawn']>[0],
  plan: WriterPlan,
  acks: number,
  delayUs: number,
): Promise<ReadonlySet<number>> {
  const child = await context.world.spawn(place, { role: 'writer', plan: { ...plan } });
  const acknowledged = new Set<number>();
  const note = (line: string): void => {
    const [word, batch, code] = line.split(' ');
    if (word === 'ack') acknowledged.add(Number(batch));
    else if (word === 'refused' && code !== 'busy') throw new LawBroken(`a child's batch ${batch} was refused as ${code}`);
  };
  child.go();
  while (acknowledged.size < acks) {
    const line = await child.line();
    if (line === undefined) throw new LawUndecided(`the child ended by itself: ${(await child.gone).errors}`);
    note(line);
  }
  const until = process.hrtime.bigint() + BigInt(delayUs) * 1000n;
  while (process.hrtime.bigint() < until); // a timer is too coarse to land inside a commit
  await child.kill();
  for (let line = await child.line(); line !== undefined; line = await child.line()) note(line);
  return acknowledged;
}

const sweeping = opLaw('OP-37-T2', {
  needs: durable,
  tools: ['child process', 'strace'],
  floors: { 'kills among acknowledgements': { count: 2 } },
  run: async (context) => {
    const size = 3;
    const planOf = (workspace: string, batches: number): WriterPlan => ({
      workspace,
      trees: ['t', 'u'],
      peer: 'writer',
      batches,
      size,
      bodyBytes: 100,
      width: 1,
    });
    // Where a kill means something differs from store to store and from machine to machine, so a run that ends by itself is measured first.
    const points = await measure(context, planOf('measured', 25));
    if (points.amongAcks.length === 0) throw new LawUndecided('the child forces nothing to disk between two acknowledgements');
    const sweep = (from: readonly KillPoint[], among: boolean, runs: number): Promise<void> =>
      context.check(
        fc.nat(from.length - 1),
        async (at, run) => {
          const point = from[at] as KillPoint;
          const room = await context.room();
          const plan = planOf(run.fresh('w'), 100_000);
          run.say(`a child appends batches of ${size} records; SIGKILL at its ${point.n}th ${point.call}`);
          await room.store.close();
          const acknowledged = await killAndListen(context, room.place, plan, point);
          if (among) run.count('kills among acknowledgements', acknowledged.size > 0);
          const store = await room.another();
          await judgeBatches(store, plan, acknowledged);
          await store.close();
        },
        { runs, fullFactor: 6, hangMs: 60_000 },
      );
    await sweep(points.amongAcks, true, 4);
    if (points.beforeAcks.length > 0) await sweep(points.beforeAcks, false, 1);
  },
});

/** A child that has not ended by then has hung. */
const measureMs = 60_000;

/** Lets a child write a few batches to the end, and gives the calls at which it could have been killed. */
async function measure(context: LawContext<'op-store'>, plan: WriterPlan): Promise<KillPoints> {
  const room = await context.room();
  await room.store.close();
  const trace = `${await context.scope.tempDir()}/trace`;
  const child = await context.world.spawn(room.place, { role: 'writer', plan: { ...plan } }, traceKillable(trace));
  const hung = setTimeout(() => void child.kill(), measureMs);
  child.go();
  for (let line = await child.line(); line !== undefined; line = await child.line());
  const { code, errors } = await child.gone;
  clearTimeout(hung);
  if (code !== 0) throw new LawUndecided(`the measured child failed: ${errors}`);
  return readKillPoints(trace);
}

/** Lets a child write until strace kills it, and gives the batches it told of. */
async function killAndListen(
  context: LawContext<'op-store'>,
  place: Room<'op-store'>['place'],
  plan: WriterPlan,
  point: KillPoint,
): Promise<ReadonlySet<number>> {
  const acknowledged = new Set<number>();
  try {
    const child = await context.world.spawn(place, { role: 'writer', plan: { ...plan } }, killAt(point));
    child.go();
    for (let line = await child.line(); line !== undefined; line = await child.line()) {
      const [word, batch, code] = line.split(' ');
      if (word === 'ack') acknowledged.add(Number(batch));
      else throw new LawBroken(`a child's batch ${batch} ended as ${code}`);
    }
  } catch (error) {
    if (!(error instanceof ChildDied)) throw error; // killed while it opened the store: nothing was acknowledged
  }
  return acknowledged;
}

const syncing = opLaw('OP-39', {
  needs: durableOverPower,
  tools: ['child process', 'own disk', 'strace', 'eatmydata'],
  floors: { 'acknowledgements audited': { count: 5 }, 'files forced to disk': { count: 1 } },
  run: (context) =>
    context.example(
      async (run) => {
        const audit = async (under: readonly string[]): Promise<readonly string[]> => {
          // A place nobody opened: every file the child opens is one it makes.
          const place = await context.subject.setup(context.scope);
          const plan: WriterPlan = {
            workspace: run.fresh('w'),
            trees: ['t'],
            peer: 'p',
            batches: context.size(10, 60),
            size: 3,
            bodyBytes: 100,
            width: 1,
          };
          const dir = await context.scope.tempDir();
          const child = await context.world.spawn(place, { role: 'writer', plan: { ...plan } }, [...straceOf(`${dir}/trace`), ...under]);
          child.go();
          for (let line = await child.line(); line !== undefined; line = await child.line());
          const { code, errors } = await child.gone;
          if (code !== 0) throw new LawUndecided(`the audited child failed: ${errors}`);
          const result = await auditSyncs(`${dir}/trace`, context.subject.volatile ?? []);
          for (let i = 0; i < result.acknowledgements; i++) run.count('acknowledgements audited');
          for (let i = 0; i < result.synced; i++) run.count('files forced to disk');
          return result.problems;
        };
        run.say('audit   under eatmydata, which swallows every fsync: the audit must object');
        const control = await audit(['eatmydata', '--']);
        if (control.length === 0) throw new LawUndecided('the audit sees nothing where fsync is swallowed: it proves nothing here');
        run.say('audit   as it is');
        const problems = await audit([]);
        if (problems.length > 0) throw new LawBroken(problems.slice(0, 5).join('\n'));
      },
      { hangMs: 120_000 },
    ),
});

const processes = opLaw('OP-31', {
  needs: claims('multiProcess'),
  tools: ['child process'],
  floors: { 'reads while children wrote': { count: 3 } },
  run: (context) =>
    context.check(
      fc.tuple(fc.constantFrom(1, 4), fc.constantFrom(1, 5, 20)),
      async ([width, size], run) => {
        const room = await context.room();
        const workspace = run.fresh('w') as WorkspaceId;
        const plans = ['pa', 'pb'].map(
          (peer): WriterPlan => ({ workspace, trees: ['t', 'u'], peer, batches: 120, size, bodyBytes: 60, width }),
        );
        run.say(`two children append 120 batches of ${size} records each, ${width} at once, while this process reads`);
        const children = await Promise.all(plans.map((plan) => context.world.spawn(room.place, { role: 'writer', plan: { ...plan } })));
        const history: HistoryEvent[] = [];
        let open = children.length;
        for (const child of children) child.go();
        const listen = async (child: (typeof children)[number], plan: WriterPlan): Promise<void> => {
          let done = false;
          for (let line = await child.line(); line !== undefined; line = await child.line()) {
            const [word, batch, begun, ended] = line.split(' ');
            if (word === 'refused' && begun !== 'busy') throw new LawBroken(`batch ${batch} of ${plan.peer} was refused as ${begun}`);
            if (word === 'ack')
              history.push({
                kind: 'append',
                ids: idsOf(plan, Number(batch)),
                invoked: Number(begun),
                returned: Number(ended),
                outcome: 'acknowledged',
              });
            if (word === 'refused') history.push({ kind: 'append', ids: idsOf(plan, Number(batch)), invoked: 0, outcome: 'refused' });
            done ||= word === 'done';
          }
          open--;
          if (!done) throw new LawBroken(`a writing child failed: ${(await child.gone).errors}`);
        };
        const watch = async (): Promise<void> => {
          for (;;) {
            const last = open === 0;
            const invoked = Number(process.hrtime.bigint());
            const { records } = await readAll(room.store, workspace);
            history.push({ kind: 'read', ids: new Set(records.map(idOf)), invoked, returned: Number(process.hrtime.bigint()) });
            run.count('reads while children wrote', !last && records.length > 0);
            if (last) return;
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        };
        await Promise.all([watch(), ...children.map((child, i) => listen(child, plans[i] as WriterPlan))]);
        const broken = brokenRules(history);
        if (broken.length > 0) throw new LawBroken(broken.slice(0, 5).join('\n'));
        const positions = (await readAll(room.store, workspace)).records.map((one) => one.position);
        same(
          positions,
          positions.map((_, i) => i + 1),
          'positions after two processes wrote',
        );
      },
      { runs: 1, fullFactor: 5, hangMs: 60_000 },
    ),
});

const idsOf = (plan: WriterPlan, batch: number): string[] =>
  Array.from({ length: plan.size }, (_, i) => batch * plan.size + i).map(
    (counter) => `${plannedTree(plan, counter)}/${plan.peer}/${counter}`,
  );

/** What an acknowledgement is worth. */
export const durabilityLaws: readonly Law<'op-store'>[] = [processes, reopening, killing, sweeping, syncing];
