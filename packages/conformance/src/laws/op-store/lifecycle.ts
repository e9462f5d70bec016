import type { OpStore, WorkspaceId } from '@spacestore/core';
import { hasCode } from '@spacestore/core';
import fc from 'fast-check';
import { holds, nameOf, refused, same, settle, show } from '../../check/expect.ts';
import { sameRecords, sameSet } from '../../check/words.ts';
import { bodyOf } from '../../gen/bytes.ts';
import { siblingsOf } from '../../gen/ids.ts';
import { resolveAppend, step, steps } from '../../gen/steps.ts';
import { resolveVector } from '../../gen/vectors.ts';
import { appendTo, type LogModel, vectorHas } from '../../model/op-store.ts';
import type { Law } from '../../spec/law.ts';
import { plainRecord } from './append.ts';
import { opLaw } from './define.ts';
import { allWorkspaces, readAll } from './reading.ts';
import { openScene, verifyLog } from './scene.ts';

const everything = opLaw('OP-16', {
  floors: { 'reads of a part': { count: 20 } },
  run: (context) =>
    context.check(
      steps(24, 2),
      async (plan, run) => {
        const scene = await openScene(context, run);
        for (const one of plan) {
          const [kind, a, , c] = one;
          if (kind === 99) {
            run.say('drop');
            await scene.store.drop(scene.workspace);
            scene.become(undefined);
          } else if (kind >= 85) {
            const missing = resolveVector(one, scene.log);
            const expected = scene.records.filter((each) => !vectorHas(missing, each));
            run.count('reads of a part', expected.length < scene.records.length);
            sameRecords(await scene.read({ missing, limit: 1 + (c % 9) }), expected, 'read({missing})');
          } else if (kind >= 75) await scene.verify('read your writes');
          else if (kind >= 70) await scene.append([...resolveAppend(one, scene.log), plainRecord(a % 4, bodyOf(c))]);
          else await scene.build([one]);
        }
        await scene.verify('at the end');
      },
      { runs: 40 },
    ),
});

const isolation = opLaw('OP-43', {
  floors: { 'other workspaces compared': { count: 20 } },
  run: async (context) => {
    await context.example(async (run) => {
      const [one, other] = [await context.room(), await context.room()];
      const workspace = run.fresh('w') as WorkspaceId;
      await one.store.append(workspace, [plainRecord(0)]);
      await verifyLog(other.store, workspace, undefined, 'a store on another place');
    });
    await context.check(
      fc.tuple(steps(4), steps(8)),
      async ([first, plan], run) => {
        const scene = await openScene(context, run);
        const names = [scene.workspace, ...siblingsOf(scene.workspace).slice(0, 4)];
        const logs = new Map<WorkspaceId, LogModel | undefined>();
        for (const [i, [kind, a, b, c]] of [...first, ...plan].entries()) {
          // The same records under another name: what is shared shows as a duplicate or an equivocation.
          const name = names[(i < first.length ? i : b) % names.length] as WorkspaceId;
          const records = resolveAppend([kind, a, b, c], logs.get(name));
          const outcome = appendTo(logs.get(name), records);
          const result = await scene.store.append(name, records);
          same(result.added, outcome.ok && outcome.added, `added to ${name}`);
          logs.set(name, outcome.ok ? outcome.log : logs.get(name));
        }
        for (const name of names) {
          run.count('other workspaces compared', logs.has(name));
          await verifyLog(scene.store, name, logs.get(name), `workspace ${name}`);
        }
        const unknown = run.fresh('unknown') as WorkspaceId;
        await verifyLog(scene.store, unknown, undefined, 'an unknown workspace');
        await scene.store.drop(unknown);
        const listed = await allWorkspaces(scene.store);
        holds(!listed.includes(unknown), 'reading or dropping an unknown workspace created it');
        for (const name of names) {
          same(listed.includes(name), logs.has(name), `${name} is listed`);
          await scene.store.drop(name);
        }
      },
      { runs: 16 },
    );
  },
});

const dropping = opLaw('OP-44', {
  run: (context) =>
    context.check(
      fc.tuple(steps(4), steps(3), fc.nat(9), fc.boolean()),
      async ([plan, again, k, during], run) => {
        const scene = await openScene(context, run);
        await scene.build(plan);
        const siblings = siblingsOf(scene.workspace);
        for (const [i, name] of siblings.entries()) await scene.store.append(name, [plainRecord(i), plainRecord(i + 1)]);
        run.say(`drop    ${scene.workspace}${during ? '  while an append is under way' : ''}, beside ${siblings.join(', ')}`);
        const pending = during
          ? settle(scene.store.append(scene.workspace, [plainRecord(k, bodyOf(k), 'during'), plainRecord(k + 1, bodyOf(k), 'during')]))
          : undefined;
        await scene.store.drop(scene.workspace);
        const outcome = await pending;
        const left = (await readAll(scene.store, scene.workspace)).records;
        // Either the append came first and is gone, or it came after and is all there is.
        if (outcome && !outcome.ok)
          holds(hasCode(outcome.error, 'busy', 'unavailable'), `the append under way got ${nameOf(outcome.error)}`);
        holds(
          left.length === 0 || (during && left.length === 2 && left.every((one) => one.peer === 'during')),
          `after drop: ${left.length} records`,
        );
        await scene.store.drop(scene.workspace);
        await scene.store.drop(scene.workspace);
        scene.become(undefined);
        await scene.verify('after drop');
        for (const [i, name] of siblings.entries())
          sameRecords((await readAll(scene.store, name)).records, [plainRecord(i), plainRecord(i + 1)], `sibling ${name}`);
        await scene.build(again);
        await scene.verify('appended after drop');
        for (const name of siblings) await scene.store.drop(name);
      },
      { runs: 12 },
    ),
});

const listings = opLaw('OP-45', {
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const { store } = room;
      const prefix = run.fresh('l');
      // Byte order is not the order of a locale, nor of numbers.
      const names = ['z', '10', '9', 'a-b', 'a_b', 'ab', 'a', 'b', 'a0', '0'].map((name) => `${prefix}${name}` as WorkspaceId);
      for (const name of names) await store.append(name, [plainRecord(0)]);
      const expected = names.toSorted();
      for (const limit of [1, 2, expected.length - 1, expected.length, expected.length + 1, 1000])
        same(await allWorkspaces(store, limit), expected, `workspaces in pages of ${limit}`);
      const trees = ['b', 'B', 'a', '10', '9', '_', '-', 'a-', 'A_'].map((tree, i) => plainRecord(i, bodyOf(i), 'p', tree));
      const workspace = names[0] as WorkspaceId;
      await store.append(workspace, trees);
      const ids = ['t', ...trees.map((one) => one.tree as string)].toSorted();
      for (const limit of [1, 3, ids.length, 1000]) {
        const got: string[] = [];
        for (let query: Parameters<OpStore['trees']>[1] | undefined = { limit }; query; ) {
          const page: Awaited<ReturnType<OpStore['trees']>> = await store.trees(workspace, query);
          holds(page.items.length <= limit, `a page of ${limit} trees has ${page.items.length}`);
          got.push(...page.items);
          query = page.next;
        }
        same(got, ids, `trees in pages of ${limit}`);
      }
      for (const limit of [0, -1, 0.5, Number.NaN])
        await refused(store.workspaces({ limit }), `workspaces with limit ${show(limit)}`, 'invalid');
      await store.drop(names[3] as WorkspaceId);
      same(
        await allWorkspaces(store, 3),
        expected.filter((name) => name !== names[3]),
        'workspaces after a drop',
      );
    }),
});

const aborting = opLaw('OP-47', {
  floors: { 'aborted before': { count: 5 }, 'aborted under way': { count: 5 } },
  run: (context) =>
    context
      .check(
        fc.tuple(steps(3), step, fc.nat(6)),
        async ([plan, one, turns], run) => {
          const scene = await openScene(context, run);
          await scene.build(plan);
          const records = resolveAppend([0, ...(one.slice(1) as [number, number, number])], scene.log);
          const gone = AbortSignal.abort(new Error('the user left'));
          run.count('aborted before');
          await refused(scene.store.append(scene.workspace, records, {}, { signal: gone }), 'an append aborted before it began', 'aborted');
          await refused(scene.store.read(scene.workspace, { limit: 1 }, { signal: gone }), 'a read aborted before it began', 'aborted');
          await refused(scene.store.head(scene.workspace, { signal: gone }), 'head aborted before it began', 'aborted');
          await scene.verify('after calls aborted before they began');

          const controller = new AbortController();
          const { signal } = controller;
          run.say(`append  aborted after ${turns} turns`);
          const pending = settle(scene.store.append(scene.workspace, records, {}, { signal }));
          for (let i = 0; i < turns; i++) await (i < 3 ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve)));
          controller.abort();
          const outcome = await pending;
          run.count('aborted under way');
          if (outcome.ok) {
            const expected = appendTo(scene.log, records);
            scene.become(expected.ok ? expected.log : scene.log);
          } else holds(hasCode(outcome.error, 'aborted'), `an aborted append got ${nameOf(outcome.error)}`);
          await scene.verify(outcome.ok ? 'after an abort that came too late' : 'after an aborted append');
          await scene.append(records);
          await scene.verify('after appending what was aborted');
        },
        { runs: 16 },
      )
      .then(() => listeners(context)),
});

/** A signal that lives as long as the app must not collect listeners. */
async function listeners(context: Parameters<typeof openScene>[0]): Promise<void> {
  await context.example(async (run) => {
    const scene = await openScene(context, run);
    let attached = 0;
    const { signal } = new AbortController();
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    Object.assign(signal, {
      addEventListener: (...args: Parameters<typeof add>) => {
        attached++;
        add(...args);
      },
      removeEventListener: (...args: Parameters<typeof remove>) => {
        attached--;
        remove(...args);
      },
    });
    for (let i = 0; i < 50; i++) {
      await scene.store.append(scene.workspace, [plainRecord(i)], {}, { signal });
      await scene.store.read(scene.workspace, { limit: 1 }, { signal });
      await scene.store.head(scene.workspace, { signal });
    }
    same(attached, 0, 'listeners left on a signal after 150 calls');
  });
}

const leaks = opLaw('OP-48', {
  tools: ['open files'],
  run: (context) =>
    context.example(
      async (run) => {
        const room = await context.room();
        const workspace = run.fresh('w') as WorkspaceId;
        const use = async (store: OpStore): Promise<void> => {
          await store.append(workspace, [plainRecord(0)]);
          await store.read(workspace, { limit: 1 });
        };
        await use(room.store);
        for (let i = 0; i < 3; i++) await use(await room.reopen()); // what opens once for all is no leak
        await room.store.close();
        const count = async (): Promise<Readonly<Record<string, number>>> => ({
          files: (await context.world.openFiles()).length,
          resources: process.getActiveResourcesInfo().filter((name) => name !== 'Immediate' && name !== 'FSReqPromise').length,
        });
        const before = await count();
        const times = context.size(30, 100);
        run.say(`open, use and close  ${times} times`);
        for (let i = 0; i < times; i++) {
          const store = await room.another();
          await use(store);
          await store.close();
        }
        await new Promise((resolve) => setImmediate(resolve));
        const after = await count();
        for (const name of Object.keys(before))
          holds(
            (after[name] ?? 0) <= (before[name] ?? 0) + 2,
            `${name} grew from ${before[name]} to ${after[name]} over ${times} openings`,
          );
      },
      { hangMs: 120_000 },
    ),
});

const clocks = opLaw('OP-49', {
  run: (context) =>
    context.check(
      fc.array(fc.tuple(step, fc.constantFrom(0, 1000, -1000, -1e12, 1e10)), { minLength: 2, maxLength: 8 }),
      async (plan, run) => {
        const scene = await openScene(context, run);
        for (const [one, by] of plan) {
          scene.room.clock.set(Math.max(0, scene.room.clock.now() + by));
          run.say(`clock   ${scene.room.clock.now()}`);
          await scene.build([one]);
        }
        await scene.verify('under a clock that jumps');
        scene.room.clock.set(1_800_000_000_000);
      },
      { runs: 16 },
    ),
});

const honesty = opLaw('OP-53', {
  run: async (context) => {
    const { store } = await context.shared();
    const { capabilities } = store;
    await context.example(async (run) => {
      const scene = await openScene(context, run);
      same(store.contractVersion, 1, 'contractVersion');
      await scene.append([plainRecord(0)]);
      const more = async (options: object, claimed: boolean, what: string): Promise<void> => {
        if (!claimed) await refused(store.append(scene.workspace, [plainRecord(1)], options), `append with ${what}`, 'unsupported');
        else await scene.append([plainRecord(scene.records.length)], options);
      };
      await more({ via: 'user@example.org' }, capabilities.via, 'via');
      await more({ receivedAt: 1_900_000_000_000 }, capabilities.receivedAt, 'receivedAt');
      const stored = await scene.read();
      if (capabilities.via) {
        same(
          stored.map((one) => one.via),
          scene.records.map((_, i) => (i === 1 ? 'user@example.org' : undefined)),
          'via of each record',
        );
        await refused(store.append(scene.workspace, [plainRecord(9)], { via: 'two words' as never }), 'via outside its grammar', 'invalid');
      }
      await scene.verify();
    });
    await context.example(async (run) => {
      const scene = await openScene(context, run);
      const { maxBodyBytes, maxCallRecords } = capabilities;
      if (maxBodyBytes <= 2 ** 25) {
        run.say(`append  a body of ${maxBodyBytes} bytes, then of one more`);
        await scene.append([plainRecord(0, new Uint8Array(maxBodyBytes).fill(7))]);
        await refused(
          store.append(scene.workspace, [plainRecord(1, new Uint8Array(maxBodyBytes + 1))]),
          'a body of one byte too many',
          'too_large',
        );
      }
      if (maxCallRecords <= context.size(20_000, 200_000)) {
        const many = Array.from({ length: maxCallRecords + 1 }, (_, i) => plainRecord(i, Uint8Array.of(1), 'many'));
        run.say(`append  ${maxCallRecords} records in a call, then one more`);
        await refused(store.append(scene.workspace, many), 'a call of one record too many', 'too_large');
        sameSet(
          (await scene.read()).filter((one) => one.peer === 'many'),
          [],
          'records of the refused call',
        );
        same((await store.append(scene.workspace, many.slice(0, -1))).added, maxCallRecords, 'added');
      }
    });
  },
});

/** From the first append of a workspace to its end. */
export const lifecycleLaws: readonly Law<'op-store'>[] = [everything, isolation, dropping, listings, aborting, leaks, clocks, honesty];
