import type { Cursor, OpRecord, OpStore, PeerId, ReadQuery, TreeId, WorkspaceId } from '@spacestore/core';
import fc from 'fast-check';
import { holds, refused, same, settle, show } from '../../check/expect.ts';
import { sameRecords, words } from '../../check/words.ts';
import { bodyOf, hostileBodies } from '../../gen/bytes.ts';
import { boundaryCounters, confusableNames, confusablesOf, notIds, notWorkspaceIds, siblingsOf } from '../../gen/ids.ts';
import { nextCounter, steps } from '../../gen/steps.ts';
import type { Law } from '../../spec/law.ts';
import { plainRecord } from './append.ts';
import { opLaw } from './define.ts';
import { readAll, wholeVector } from './reading.ts';
import { openScene } from './scene.ts';

const bodies = opLaw('OP-10', {
  floors: { 'bodies tried': { count: 20 } },
  run: async (context) => {
    const { store } = await context.shared();
    const { maxBodyBytes, maxCallRecords } = store.capabilities;
    await context.example(async (run) => {
      const scene = await openScene(context, run);
      const fitting = hostileBodies.filter((body) => body.length <= maxBodyBytes);
      for (const [i, body] of fitting.entries()) {
        run.count('bodies tried');
        await scene.append([plainRecord(i, body)]);
      }
      const once = fitting.slice(0, maxCallRecords).map((body, i) => plainRecord(i, body, 'b'));
      await scene.append(once);
      await scene.verify();
    });
    await context.example(async (run) => {
      const scene = await openScene(context, run);
      // Sizes where columns, pages and buffers end.
      const sizes = [255, 256, 4096, 65_535, 65_536, 65_537, 2 ** 20, ...(context.profile === 'full' ? [2 ** 24] : [])];
      for (const [i, size] of sizes.filter((one) => one <= maxBodyBytes).entries()) {
        const body = Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8)) & 0xff);
        await scene.append([plainRecord(i, body)]);
      }
      await scene.verify('large bodies');
    });
  },
});

const propertyNames = opLaw('OP-11', {
  run: async (context) => {
    await context.example(async (run) => {
      const scene = await openScene(context, run);
      const names = ['toString', 'valueOf', 'hasOwnProperty', 'length', '__defineGetter__', 'isPrototypeOf', 'name', 'size', 'get', 'then'];
      const unknown = names.map((name) => [name, new Map([[name as PeerId, [[0, 9] as const]]])] as const);
      await scene.append([plainRecord(0)]);
      // A record under a plain id must be missing from a vector that names only properties every object has.
      same((await scene.read({ missing: new Map(unknown) as never })).length, 1, 'records missing from a vector of other names');
      for (const [i, name] of names.entries())
        await scene.append([plainRecord(i, bodyOf(i), name, name), plainRecord(i, bodyOf(i + 1), name)]);
      sameRecords(await scene.read({ missing: new Map() }), scene.records, 'read({missing: {}})');
      await scene.verify();
    });
  },
});

/** Every place an id goes in. */
function callsWith(store: OpStore, workspace: WorkspaceId, bad: never): readonly (readonly [what: string, call: () => Promise<unknown>])[] {
  return [
    ['tree of append', () => store.append(workspace, [{ ...plainRecord(0), tree: bad }])],
    ['peer of append', () => store.append(workspace, [{ ...plainRecord(0), peer: bad }])],
    ['trees of read', () => store.read(workspace, { trees: [bad], limit: 10 })],
    ['tree of missing', () => store.read(workspace, { missing: new Map([[bad, new Map()]]), limit: 10 })],
    [
      'peer of missing',
      () => store.read(workspace, { missing: new Map([['a' as TreeId, new Map([[bad, [[0, 0] as const]]])]]), limit: 10 }),
    ],
    ['trees of vector', () => store.vector(workspace, { trees: [bad], limit: 10 })],
  ];
}

function callsOn(store: OpStore, bad: WorkspaceId): readonly (readonly [what: string, call: () => Promise<unknown>])[] {
  return [
    ['append', () => store.append(bad, [plainRecord(0)])],
    ['read', () => store.read(bad, { limit: 10 })],
    ['vector', () => store.vector(bad, { limit: 10 })],
    ['trees', () => store.trees(bad, { limit: 10 })],
    ['head', () => store.head(bad)],
    ['drop', () => store.drop(bad)],
    ...(store.capabilities.fence ? ([['fence', () => store.fence(bad, 1)]] as const) : []),
    ...(store.capabilities.snapshot ? ([['snapshot', () => store.snapshot(bad)]] as const) : []),
  ];
}

const grammar = opLaw('OP-12', {
  floors: { 'values refused': { count: 200 } },
  run: (context) =>
    context.example(async (run) => {
      const scene = await openScene(context, run);
      await scene.build([[0, 0, 0, 3]]);
      const { store, workspace } = scene;
      const refuse = async (bad: unknown, calls: readonly (readonly [string, () => Promise<unknown>])[]): Promise<void> => {
        for (const [what, call] of calls) {
          run.count('values refused');
          await refused(settled(call), `${show(bad)} as ${what}`, 'invalid');
        }
      };
      for (const bad of notIds) await refuse(bad, callsWith(store, workspace, bad as never));
      for (const bad of notWorkspaceIds) await refuse(bad, callsOn(store, bad as WorkspaceId));
      await scene.verify('after the refusals');
    }),
});

/** A call whose refusal may also be thrown before it returned a promise. */
async function settled(call: () => Promise<unknown>): Promise<unknown> {
  const outcome = await settle(call);
  if (outcome.ok) return outcome.value;
  throw outcome.error;
}

const distinct = opLaw('OP-13', {
  floors: { pairs: { count: 100 } },
  run: async (context) => {
    await context.example(async (run) => {
      const scene = await openScene(context, run);
      for (const name of confusableNames) {
        for (const twin of confusablesOf(name).slice(0, context.size(3, 9))) {
          run.count('pairs');
          const counter = nextCounter(scene.log, name as TreeId, twin as PeerId);
          const batch = [plainRecord(counter, bodyOf(counter + 1), twin, name), plainRecord(counter, bodyOf(counter + 2), name, twin)];
          if (!scene.records.some((one) => batch.some((each) => words([each]) === words([one])))) await scene.append(batch);
        }
      }
      await scene.verify('after ids that look alike');
      for (const name of confusableNames.slice(0, context.size(12, 100))) {
        const mine = scene.records.filter((one) => one.tree === name);
        sameRecords(await scene.read({ trees: [name as TreeId] }), mine, `read({trees: [${name}]})`);
      }
    });
    await context.check(
      fc.tuple(fc.nat(50), fc.nat(50), fc.nat(9999)),
      async ([a, b, counter], run) => {
        const scene = await openScene(context, run);
        const [tree, peer] = [confusableNames[a % confusableNames.length] as string, confusableNames[b % confusableNames.length] as string];
        const digits = String(counter);
        // The same text once glued: a|bc and ab|c, peer|11 and peer1|1, with the separators the grammar allows.
        const glued: OpRecord[] = [
          plainRecord(counter, bodyOf(1), peer, tree),
          plainRecord(Number(digits.slice(1) || '0'), bodyOf(2), `${peer}${digits[0]}`.slice(0, 128), tree),
        ];
        for (const separator of ['', '-', '_'])
          glued.push(
            plainRecord(counter, bodyOf(3), `${separator}${peer}`.slice(0, 128), tree),
            plainRecord(counter, bodyOf(4), peer, `${tree}${separator}`.slice(0, 128)),
          );
        const fresh = glued.filter(
          (one, i) => glued.findIndex((other) => words([other]) === words([one])) === i && one.tree.length + one.peer.length < 200,
        );
        for (const one of fresh) await scene.append([one]);
        await scene.verify('after ids that read the same when glued');
      },
      { runs: 20 },
    );
  },
});

const counters = opLaw('OP-14', {
  run: (context) =>
    context.example(async (run) => {
      const scene = await openScene(context, run);
      const around = [...new Set(boundaryCounters.flatMap((one) => [one - 1, one, one + 1]))].filter(
        (one) => Number.isSafeInteger(one) && one >= 0,
      );
      for (const counter of around.toReversed()) await scene.append([plainRecord(counter, bodyOf(counter % 1000))]);
      await scene.append(around.map((counter, i) => plainRecord(counter, bodyOf(i), 'b')));
      await scene.verify('after counters at the ends of number types');
      const { vector } = await scene.store.vector(scene.workspace, { limit: 1000 });
      for (const counter of around) {
        const without = new Map([
          ['t' as TreeId, new Map([['b' as PeerId, around.filter((one) => one !== counter).map((one) => [one, one] as const)]])],
        ]);
        const missing = (await scene.read({ missing: without })).filter((one) => one.peer === 'b').map((one) => one.counter);
        same(missing, [counter], `counters missing from a vector without ${counter}`);
      }
      holds(vector.size > 0, 'vector is empty');
    }),
});

const injection = opLaw('OP-15', {
  floors: { 'hostile calls': { count: 100 } },
  run: (context) =>
    context.check(
      steps(3),
      async (plan, run) => {
        const scene = await openScene(context, run);
        await scene.build(plan);
        const others = siblingsOf(scene.workspace).slice(0, 3);
        for (const other of others) await scene.store.append(other, [plainRecord(1, bodyOf(7))]);
        const hostile = [
          "'; DROP TABLE record; --",
          "a' OR '1'='1",
          '../../etc/passwd',
          '\0',
          '%',
          '_',
          '*',
          `$${'{x}'}`,
          '{"$gt":""}',
          `${scene.workspace}/../${others[0]}`,
          '__proto__',
        ];
        for (const text of hostile) {
          const calls = [
            ...callsWith(scene.store, scene.workspace, text as never),
            ...callsOn(scene.store, text as WorkspaceId),
            ...hostileQueries(scene.store, scene.workspace, text),
          ];
          for (const [what, call] of calls) {
            // '_' and '%' may be no id and still no refusal: what counts is that nothing changed.
            if (text === '_' && !what.includes('cursor')) continue;
            run.count('hostile calls');
            await refused(settled(call), `${show(text)} as ${what}`, 'invalid', 'stale_cursor');
          }
        }
        await scene.verify('after hostile calls');
        for (const other of others)
          sameRecords((await readAll(scene.store, other)).records, [plainRecord(1, bodyOf(7))], `read of ${other}`);
        same((await wholeVector(scene.store, scene.workspace)).size > 0, true, 'vector is there');
        for (const other of others) await scene.store.drop(other);
      },
      { runs: 3 },
    ),
});

function hostileQueries(
  store: OpStore,
  workspace: WorkspaceId,
  text: string,
): readonly (readonly [what: string, call: () => Promise<unknown>])[] {
  const query = (part: object): ReadQuery => ({ limit: 10, ...part });
  return [
    ['cursor after', () => store.read(workspace, query({ after: text as Cursor }))],
    ['cursor through', () => store.read(workspace, query({ through: text as Cursor }))],
    ['cursor of a vector', () => store.vector(workspace, { limit: 10, through: text as Cursor })],
    ['receivedFrom', () => store.read(workspace, query({ receivedFrom: text }))],
    ['receivedBefore', () => store.read(workspace, query({ receivedBefore: text }))],
    ['limit', () => store.read(workspace, query({ limit: text }))],
    ['limitBytes', () => store.read(workspace, query({ limitBytes: text }))],
  ];
}

/** What makes two ids and two bodies the same. */
export const identityLaws: readonly Law<'op-store'>[] = [bodies, propertyNames, grammar, distinct, counters, injection];
