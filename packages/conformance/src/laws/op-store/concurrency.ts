import type { OpRecord, OpStore, WorkspaceId } from '@spacestore/core';
import { hasCode } from '@spacestore/core';
import fc from 'fast-check';
import { LawBroken } from '../../check/broken.ts';
import { holds, nameOf, refused, same, settle } from '../../check/expect.ts';
import { brokenRules, type HistoryEvent } from '../../check/history.ts';
import { sameSet } from '../../check/words.ts';
import { bodyOf } from '../../gen/bytes.ts';
import { idOf } from '../../model/op-store.ts';
import type { LawContext } from '../../run/context.ts';
import type { Law } from '../../spec/law.ts';
import { plainRecord } from './append.ts';
import { opLaw } from './define.ts';
import { readAll } from './reading.ts';
import { verifyLog } from './scene.ts';

/** The records of writer `peer`, batch by batch. */
const batchOf = (peer: string, batch: number, size: number): OpRecord[] =>
  Array.from({ length: size }, (_, i) => plainRecord(batch * size + i, bodyOf(batch + i), peer, `t${i % 2}`));

/** The store, and a second handle where that is claimed. */
async function handlesOf(context: LawContext<'op-store'>): Promise<readonly OpStore[]> {
  const room = await context.shared();
  return room.store.capabilities.multiHandle ? [room.store, await room.another()] : [room.store];
}

const together = opLaw('OP-27', {
  run: async (context) => {
    const handles = await handlesOf(context);
    await context.check(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 24, size: 'max' }),
      async (sizes, run) => {
        const workspace = run.fresh('w') as WorkspaceId;
        run.say(`append  ${sizes.length} batches at once, of ${sizes.join(', ')} records`);
        const batches = sizes.map((size, i) => batchOf(`p${i}`, 0, size));
        const results = await Promise.all(batches.map((batch, i) => (handles[i % handles.length] as OpStore).append(workspace, batch)));
        same(
          results.map((one) => one.added),
          sizes,
          'added',
        );
        for (const handle of handles) {
          const { records } = await readAll(handle, workspace);
          sameSet(records, batches.flat(), 'read after all resolved');
          same(
            records.map((one) => one.position),
            records.map((_, i) => i + 1),
            'positions',
          );
          results.forEach((result, i) => {
            const own = records.filter((one) => one.peer === `p${i}`);
            same(own.map((one) => one.position).at(-1), result.committedAt, `committedAt of batch ${i}`);
            holds(
              own.at(-1)?.position === (own[0]?.position ?? 0) + own.length - 1,
              `batch ${i} is not in one piece: ${own.map((one) => one.position).join(', ')}`,
            );
          });
        }
      },
      { runs: 16 },
    );
  },
});

const sameRecord = opLaw('OP-28', {
  run: async (context) => {
    const handles = await handlesOf(context);
    await context.check(
      fc.tuple(fc.integer({ min: 2, max: 16 }), fc.integer({ min: 1, max: 5 })),
      async ([writers, size], run) => {
        const workspace = run.fresh('w') as WorkspaceId;
        run.say(`append  the same ${size} records ${writers} times at once`);
        const results = await Promise.all(
          Array.from({ length: writers }, (_, i) => (handles[i % handles.length] as OpStore).append(workspace, batchOf('a', 0, size))),
        );
        same(
          results.reduce((sum, one) => sum + one.added, 0),
          size,
          'added by all together',
        );
        holds(
          results.every((one) => one.committedAt >= 1 && one.committedAt <= size),
          `committedAt: ${results.map((one) => one.committedAt).join(', ')}`,
        );
        for (const handle of handles) sameSet((await readAll(handle, workspace)).records, batchOf('a', 0, size), 'read after all resolved');
      },
      { runs: 16 },
    );
  },
});

const conflicting = opLaw('OP-29', {
  run: async (context) => {
    const handles = await handlesOf(context);
    await context.check(
      fc.tuple(fc.integer({ min: 2, max: 10 }), fc.integer({ min: 0, max: 4 })),
      async ([writers, extra], run) => {
        const workspace = run.fresh('w') as WorkspaceId;
        run.say(`append  a/t:0 with ${writers} different bodies at once, each with ${extra} records of its own`);
        const batches = Array.from({ length: writers }, (_, i) => [
          ...batchOf(`p${i}`, 0, extra),
          plainRecord(0, new TextEncoder().encode(`version ${i}`)),
        ]);
        const outcomes = await Promise.all(
          batches.map((batch, i) => settle((handles[i % handles.length] as OpStore).append(workspace, batch))),
        );
        const winners = batches.filter((_, i) => outcomes[i]?.ok);
        same(winners.length, 1, 'writers that were accepted');
        for (const outcome of outcomes)
          if (!outcome.ok) holds(hasCode(outcome.error, 'equivocation'), `a loser got ${nameOf(outcome.error)}`);
        for (const handle of handles) sameSet((await readAll(handle, workspace)).records, winners.flat(), 'read after all settled');
      },
      { runs: 16 },
    );
  },
});

interface Lanes {
  readonly writers: number;
  readonly readers: number;
  readonly pauses: readonly number[];
  readonly sizes: readonly number[];
  readonly pageLimit: number;
}

const lanes: fc.Arbitrary<Lanes> = fc.record(
  {
    writers: fc.integer({ min: 1, max: 4 }),
    readers: fc.integer({ min: 1, max: 3 }),
    pauses: fc.array(fc.nat(4), { minLength: 5, maxLength: 30, size: 'max' }),
    sizes: fc.array(fc.constantFrom(1, 2, 3, 5, 40, 600), { minLength: 1, maxLength: 5 }),
    pageLimit: fc.constantFrom(1000, 100, 7),
  },
  { noNullPrototype: true },
);

/** Lets `turns` turns of the event loop pass. */
async function pause(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await (i % 2 === 0 ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve)));
}

/** Runs writers and readers at the same time and writes down what each of them met. */
async function record(handles: readonly OpStore[], workspace: WorkspaceId, plan: Lanes): Promise<readonly HistoryEvent[]> {
  const history: HistoryEvent[] = [];
  let tick = 0;
  let writing = plan.writers;
  const max = handles[0]?.capabilities.maxCallRecords ?? 0;
  const handle = (i: number): OpStore => handles[i % handles.length] as OpStore;
  const pauseOf = (i: number): Promise<void> => pause(plan.pauses[i % plan.pauses.length] as number);
  const write = async (w: number): Promise<void> => {
    for (const [n, size] of plan.sizes.entries()) {
      await pauseOf(w * 7 + n);
      const batch = batchOf(`p${w}x${n}`, 0, Math.min(size, max - 1));
      // Every third batch claims an id that was taken at the start, and must leave nothing.
      const bad = (w + n) % 3 === 2;
      const invoked = tick++;
      const outcome = await settle(handle(w).append(workspace, bad ? [...batch, plainRecord(0, bodyOf(99))] : batch));
      const known = outcome.ok || hasCode(outcome.error, 'equivocation', 'busy', 'unavailable');
      if (!known) throw outcome.ok ? new LawBroken('unreachable') : outcome.error;
      if (outcome.ok && bad) throw new LawBroken('a batch with other bytes under a known id was accepted');
      history.push({ kind: 'append', ids: batch.map(idOf), invoked, returned: tick++, outcome: outcome.ok ? 'acknowledged' : 'refused' });
    }
  };
  const writer = (w: number): Promise<void> =>
    write(w).finally(() => {
      writing--;
    });
  const reader = async (r: number): Promise<void> => {
    for (let n = 0; writing > 0 || n < 2; n++) {
      await pauseOf(r * 11 + n);
      if (n > 20) await pause(2); // a store that answers without a turn of the loop must not starve the writers
      const invoked = tick++;
      const { records } = await readAll(handle(r + n), workspace, { limit: plan.pageLimit });
      history.push({ kind: 'read', ids: new Set(records.map(idOf)), invoked, returned: tick++ });
    }
  };
  await Promise.all([
    ...Array.from({ length: plan.writers }, (_, i) => writer(i)),
    ...Array.from({ length: plan.readers }, (_, i) => reader(i)),
  ]);
  return history;
}

const histories = opLaw('OP-30', {
  floors: { 'reads while something was being written': { count: 5 } },
  run: async (context) => {
    const handles = await handlesOf(context);
    await context.check(
      lanes,
      async (plan, run) => {
        const workspace = run.fresh('w') as WorkspaceId;
        run.say(`${plan.writers} writers, ${plan.readers} readers, batches of ${plan.sizes.join(', ')} records`);
        await handles[0]?.append(workspace, [plainRecord(0, bodyOf(1))]);
        const history = await record(handles, workspace, plan);
        const appends = history.filter((event) => event.kind === 'append');
        for (const event of history) {
          const during =
            event.kind === 'read' && appends.some((one) => one.invoked < event.returned && (one.returned ?? 0) > event.invoked);
          if (event.kind === 'read') run.count('reads while something was being written', during);
        }
        const broken = brokenRules(history);
        if (broken.length > 0) throw new LawBroken(broken.slice(0, 5).join('\n'));
      },
      { runs: 20 },
    );
  },
});

const contention = opLaw('OP-33', {
  run: async (context) => {
    const handles = await handlesOf(context);
    await context.example(
      async (run) => {
        const workspaces = Array.from({ length: 4 }, () => run.fresh('w') as WorkspaceId).map((one, i) => `${one}n${i}` as WorkspaceId);
        const calls = context.size(120, 1000);
        run.say(`append  ${calls} calls at once over ${workspaces.length} workspaces and ${handles.length} handles`);
        const batches = Array.from({ length: calls }, (_, i) => batchOf(`p${i}`, 0, 1 + (i % 3)));
        const outcomes = await Promise.all(
          batches.map((batch, i) =>
            settle((handles[i % handles.length] as OpStore).append(workspaces[(i >> 1) % 4] as WorkspaceId, batch)),
          ),
        );
        for (const outcome of outcomes)
          if (!outcome.ok) holds(hasCode(outcome.error, 'busy'), `under contention a call got ${nameOf(outcome.error)}`);
        for (const [w, workspace] of workspaces.entries()) {
          const mine = batches.filter((_, i) => (i >> 1) % 4 === w && outcomes[i]?.ok);
          sameSet((await readAll(handles[0] as OpStore, workspace)).records, mine.flat(), `read of workspace ${w}`);
        }
      },
      { hangMs: 60_000 },
    );
  },
});

const closing = opLaw('OP-34', {
  run: (context) =>
    context.check(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 }),
      async (sizes, run) => {
        const room = await context.room();
        const workspace = run.fresh('w') as WorkspaceId;
        await room.store.append(workspace, batchOf('a', 0, 1));
        run.say(`append  ${sizes.length} batches, close at once`);
        const batches = sizes.map((size, i) => batchOf(`p${i}`, 0, size));
        const pending = batches.map((batch) => settle(room.store.append(workspace, batch)));
        await room.store.close();
        const outcomes = await Promise.all(pending);
        for (const outcome of outcomes)
          if (!outcome.ok)
            holds(hasCode(outcome.error, 'closed', 'aborted', 'unavailable'), `a call under way got ${nameOf(outcome.error)}`);
        if (!room.store.capabilities.multiHandle && room.store.capabilities.durable === 'none') return;
        const kept = batches.filter((_, i) => outcomes[i]?.ok).flat();
        const { records } = await readAll(await room.reopen(), workspace);
        sameSet(records, [...batchOf('a', 0, 1), ...kept], 'read after reopening');
      },
      { runs: 6 },
    ),
});

const closed = opLaw('OP-35', {
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const { store } = room;
      const workspace = run.fresh('w') as WorkspaceId;
      await store.append(workspace, batchOf('a', 0, 2));
      await Promise.all([store.close(), store.close()]);
      await store.close();
      const calls: Readonly<Record<string, () => Promise<unknown>>> = {
        append: () => store.append(workspace, batchOf('b', 0, 1)),
        'an empty append': () => store.append(workspace, []),
        read: () => store.read(workspace, { limit: 1 }),
        vector: () => store.vector(workspace, { limit: 1 }),
        trees: () => store.trees(workspace, { limit: 1 }),
        workspaces: () => store.workspaces({ limit: 1 }),
        head: () => store.head(workspace),
        drop: () => store.drop(workspace),
        ...(store.capabilities.fence ? { fence: () => store.fence(workspace, 1) } : {}),
        ...(store.capabilities.snapshot ? { snapshot: () => store.snapshot(workspace) } : {}),
      };
      for (const [name, call] of Object.entries(calls)) await refused(Promise.resolve().then(call), `${name} after close`, 'closed');
      if (store.capabilities.durable === 'none') return;
      const log = { records: batchOf('a', 0, 2).map((one, i) => ({ ...one, position: i + 1 })), epoch: 0 };
      await verifyLog(await room.reopen(), workspace, log, 'after calls on a closed store');
    }),
});

/** What holds when several do something at once. */
export const concurrencyLaws: readonly Law<'op-store'>[] = [together, sameRecord, conflicting, histories, contention, closing, closed];
