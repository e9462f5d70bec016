import type { Cursor, TreeId } from '@spacestore/core';
import fc from 'fast-check';
import { holds, refused, same } from '../../check/expect.ts';
import { sameRecords, sameSet, vectorWords, words } from '../../check/words.ts';
import { bodyOf } from '../../gen/bytes.ts';
import { treeId } from '../../gen/ids.ts';
import { pick, step, steps } from '../../gen/steps.ts';
import { resolveVector, untidy } from '../../gen/vectors.ts';
import { plain, vectorHas } from '../../model/op-store.ts';
import type { Law } from '../../spec/law.ts';
import { plainRecord } from './append.ts';
import { claims, opLaw } from './define.ts';
import { readAll, wholeVector } from './reading.ts';
import { openScene, sortedVector } from './scene.ts';

const secondHandle = opLaw('OP-17', {
  needs: claims('multiHandle'),
  run: async (context) => {
    const other = await (await context.shared()).another(); // one for all cases: opening one for each would measure opening
    await context.check(
      steps(8),
      async (plan, run) => {
        const scene = await openScene(context, run);
        let seen = 0;
        for (const one of plan) {
          await scene.build([one]);
          const records = (await readAll(other, scene.workspace)).records;
          holds(records.length >= seen, `a second handle went back from ${seen} records to ${records.length}`);
          seen = records.length;
          sameRecords(records, scene.records, 'read by a second handle right after the append');
          const head = await other.head(scene.workspace);
          same(head?.position, scene.records.length, 'head by a second handle');
          const back = await other.append(scene.workspace, plain(scene.records.slice(-1)));
          same(back.added, 0, 'added by a second handle for a record that is there');
        }
      },
      { runs: 12 },
    );
  },
});

const order = opLaw('OP-18', {
  run: (context) =>
    context.check(
      fc.tuple(steps(8), fc.nat(99), fc.nat(99)),
      async ([plan, a, b], run) => {
        const scene = await openScene(context, run);
        await scene.build(plan);
        const trees = [treeId(a % 4), treeId(b % 4)];
        const some = scene.records.filter((one) => trees.includes(one.tree));
        run.say(`read    trees ${trees.join(', ')}`);
        sameRecords(await scene.read({ trees }), some, 'read({trees})');
        sameRecords(await scene.read({ missing: new Map() }), scene.records, 'read({missing: {}})');
        const vector = await wholeVector(scene.store, scene.workspace, { limit: 1 + (a % 5) });
        same([...vector.keys()], [...vector.keys()].toSorted(), 'trees of the vector in byte order');
        for (const [tree, peers] of vector) same([...peers.keys()], [...peers.keys()].toSorted(), `peers of ${tree} in byte order`);
      },
      { runs: 30 },
    ),
});

const vectors = opLaw('OP-19', {
  floors: { 'vectors with a gap': { share: 0.2 }, 'vectors in pages': { share: 0.2 } },
  run: (context) =>
    context.check(
      fc.tuple(steps(12, 4), fc.integer({ min: 1, max: 6 }), fc.nat(5)),
      async ([plan, limit, a], run) => {
        const scene = await openScene(context, run);
        await scene.build(plan);
        const expected = sortedVector(scene.records);
        const gaps = [...expected.values()].some((peers) => [...peers.values()].some((ranges) => ranges.length > 1));
        run.count('vectors with a gap', gaps);
        same(vectorWords(await wholeVector(scene.store, scene.workspace)), vectorWords(expected), 'vector');
        run.say(`vector  in pages of ${limit}`);
        const first = await scene.store.vector(scene.workspace, { limit });
        run.count('vectors in pages', first.next !== undefined);
        const ranges = [...first.vector.values()].flatMap((peers) => [...peers.values()].flat());
        holds(ranges.length <= limit, `a page of at most ${limit} ranges has ${ranges.length}`);
        holds(
          [...first.vector.values()].every((peers) => peers.size > 0 && [...peers.values()].every((each) => each.length > 0)),
          'a vector has empty entries',
        );
        same(vectorWords(await wholeVector(scene.store, scene.workspace, { limit })), vectorWords(expected), `vector in pages of ${limit}`);
        const trees = [treeId(a)];
        const some = sortedVector(scene.records.filter((one) => trees.includes(one.tree)));
        same(
          vectorWords(await wholeVector(scene.store, scene.workspace, { trees, limit })),
          vectorWords(some),
          `vector of tree ${trees[0]}`,
        );
      },
      { runs: 40 },
    ),
});

const exchange = opLaw('OP-21', {
  floors: { 'real exchanges': { share: 0.3 } },
  run: (context) =>
    context.check(
      fc.tuple(steps(6), steps(6), step),
      async ([mine, theirs, [k, a, b]], run) => {
        const scene = await openScene(context, run);
        const other = await openScene(context, { ...run, fresh: (prefix) => run.fresh(`${prefix}o`) });
        await scene.build(mine);
        // The other log has a part of this one, and records of its own peers.
        await other.append(plain(scene.records.filter((_, i) => (i + k) % 3 !== 0)));
        await other.append(theirs.slice(0, 3).map(([, c], i) => plainRecord(i, bodyOf(c), `o${a % 3}`)));
        const all = await scene.read({ missing: new Map() });
        sameRecords(all, scene.records, 'read({missing: {}})');
        same(
          (await scene.read({ missing: await wholeVector(scene.store, scene.workspace, { limit: 1 + (b % 4) }) })).length,
          0,
          'records missing from the log’s own vector',
        );
        const forMe = await other.read({ missing: await wholeVector(scene.store, scene.workspace) });
        const forThem = await scene.read({ missing: await wholeVector(scene.store, other.workspace) });
        run.count('real exchanges', forMe.length > 0 && forThem.length > 0 && forThem.length < scene.records.length);
        const bare = (records: typeof forMe) => records.map(({ tree, peer, counter, body }) => ({ tree, peer, counter, body }));
        const [mineFirst, theirsFirst] = [scene.records.length, other.records.length];
        await scene.append(bare(forMe));
        await other.append(bare(forThem));
        same(scene.records.length - mineFirst, forMe.length, 'records gained from the other side');
        same(other.records.length - theirsFirst, forThem.length, 'records gained by the other side');
        sameSet(await scene.read(), await other.read(), 'two logs after two rounds');
      },
      { runs: 24 },
    ),
});

const difference = opLaw('OP-20', {
  floors: { 'vectors that overlap the log': { share: 0.3 }, 'something missing': { share: 0.3 }, 'something covered': { share: 0.3 } },
  run: (context) =>
    context.check(
      fc.tuple(steps(8), steps(4), fc.boolean(), fc.nat(9)),
      async ([plan, aims, badly, a], run) => {
        const scene = await openScene(context, run);
        await scene.build(plan);
        for (const aim of aims) {
          const tidy = resolveVector(aim, scene.log);
          const missing = badly ? untidy(tidy) : tidy;
          const expected = scene.records.filter((one) => !vectorHas(tidy, one));
          run.count('vectors that overlap the log', expected.length < scene.records.length);
          run.count('something missing', expected.length > 0);
          run.count('something covered', expected.length < scene.records.length);
          run.say(`read    missing ${vectorWords(missing)}`);
          sameRecords(await scene.read({ missing }), expected, 'read({missing})');
          sameRecords(await scene.read({ missing, limit: 1 + (a % 3) }), expected, 'read({missing}) in small pages');
          const trees = [treeId(a % 3)];
          const some = expected.filter((one) => trees.includes(one.tree));
          sameRecords(await scene.read({ missing, trees }), some, `read({missing, trees: [${trees[0]}]})`);
        }
      },
      { runs: 40 },
    ),
});

const dates = opLaw('OP-22', {
  floors: { 'bounds inside the log': { share: 0.15 }, ties: { count: 5 } },
  run: (context) =>
    context.check(
      fc.tuple(fc.array(fc.tuple(step, fc.constantFrom(0, 0, 1, 1, 2, 1000)), { minLength: 1, maxLength: 6 }), steps(5)),
      async ([plan, aims], run) => {
        const scene = await openScene(context, run);
        for (const [one, later] of plan) {
          scene.room.clock.advance(later);
          await scene.build([one]);
        }
        const stored = await scene.read();
        const times = stored.map((one) => one.receivedAt);
        run.count('ties', new Set(times).size < times.length);
        const bounds = (n: number, by: number): number => (pick(times, n) ?? 0) + (by % 3) - 1;
        for (const [kind, a, b, c] of aims) {
          const receivedFrom = kind % 5 === 0 ? undefined : kind % 7 === 0 ? (a % 2) * 9 : bounds(a, c);
          const receivedBefore = kind % 3 === 0 ? undefined : kind % 11 === 0 ? 8.64e15 : kind % 13 === 0 ? 9 : bounds(b, c >> 2);
          const expected = stored.filter(
            (one) => one.receivedAt >= (receivedFrom ?? 0) && one.receivedAt < (receivedBefore ?? Number.POSITIVE_INFINITY),
          );
          run.count('bounds inside the log', expected.length > 0 && expected.length < stored.length);
          run.say(`read    received in [${receivedFrom ?? ''}, ${receivedBefore ?? ''})  of ${[...new Set(times)].join(', ')}`);
          const query = {
            ...(receivedFrom === undefined ? {} : { receivedFrom }),
            ...(receivedBefore === undefined ? {} : { receivedBefore }),
          };
          sameRecords(await scene.read(query), expected, 'read by date');
          sameRecords(await scene.read({ ...query, limit: 1 + (c % 3) }), expected, 'read by date in small pages');
        }
      },
      { runs: 40 },
    ),
});

const pages = opLaw('OP-23', {
  floors: { 'tampered cursors': { count: 20 } },
  run: (context) =>
    context.check(
      fc.tuple(steps(8), step),
      async ([plan, [k, a, b, c]], run) => {
        const scene = await openScene(context, run);
        await scene.build(plan);
        const n = scene.records.length;
        for (const limit of new Set([1, 2, n - 1, n, n + 1].filter((one) => one >= 1))) {
          run.say(`read    in pages of ${limit}`);
          const whole = await readAll(scene.store, scene.workspace, { limit });
          sameRecords(whole.records, scene.records, `read in pages of ${limit}`);
          holds(
            whole.pages.every((page) => page.length <= limit),
            `a page of at most ${limit} records is longer`,
          );
        }
        const at = k % n;
        const prefix = await readAll(scene.store, scene.workspace, { limit: n });
        const cut = (await scene.store.read(scene.workspace, { limit: at + 1 })).next;
        if (cut)
          sameRecords((await readAll(scene.store, scene.workspace, cut)).records, scene.records.slice(at + 1), 'the query next continues');
        const cursor = prefix.through as Cursor;
        for (const bad of tampered(cursor, a, b, c)) {
          run.count('tampered cursors');
          await refused(
            scene.store.read(scene.workspace, { after: bad, limit: 10 }),
            `cursor ${bad} made of ${cursor}`,
            'invalid',
            'stale_cursor',
          );
        }
        const foreign = await openScene(context, { ...run, fresh: (name) => run.fresh(`${name}f`) });
        await foreign.append([plainRecord(0, bodyOf(c))]);
        const stranger = (await foreign.store.head(foreign.workspace))?.cursor as Cursor;
        await refused(scene.store.read(scene.workspace, { after: stranger, limit: 10 }), 'a cursor of another workspace', 'stale_cursor');
      },
      { runs: 20 },
    ),
});

/** A cursor with one character changed, cut, lengthened, and at a later place. */
function tampered(cursor: Cursor, a: number, b: number, c: number): readonly Cursor[] {
  const at = a % cursor.length;
  const char = cursor[at] as string;
  const digit = /[0-9a-f]/.test(char) ? ((Number.parseInt(char, 16) + 1 + (b % 14)) % 16).toString(16) : 'x';
  const [incarnation, position, chain] = cursor.split('.') as [string, string, string];
  return [
    `${cursor.slice(0, at)}${digit}${cursor.slice(at + 1)}`,
    cursor.slice(0, -1 - (c % 5)),
    `${cursor}0`,
    `${incarnation}.${Number(position) + 1 + (c % 3)}.${chain}`,
    ` ${cursor}`,
  ].filter((text) => text !== cursor) as Cursor[];
}

const leftEarly = opLaw('OP-24', {
  run: (context) =>
    context.check(
      steps(5),
      async (plan, run) => {
        const scene = await openScene(context, run);
        await scene.append(Array.from({ length: 20 }, (_, i) => plainRecord(i, bodyOf(i), 'z')));
        await scene.build(plan);
        for (let i = 0; i < 10; i++) await scene.store.read(scene.workspace, { limit: 1 + i }); // and never its next
        await scene.store.vector(scene.workspace, { limit: 1 });
        await scene.build(plan);
        await scene.verify('after queries left early');
        await scene.store.drop(scene.workspace);
        same((await scene.read()).length, 0, 'records after drop');
      },
      { runs: 8, hangMs: 5000 },
    ),
});

const limits = opLaw('OP-25', {
  floors: { 'pages ended by bytes': { count: 20 } },
  run: (context) =>
    context.check(
      fc.tuple(
        fc.array(fc.constantFrom(0, 1, 10, 100, 1000, 5000), { minLength: 2, maxLength: 20 }),
        fc.constantFrom(0, 1, 99, 100, 101, 1500),
        fc.integer({ min: 1, max: 8 }),
      ),
      async ([sizes, limitBytes, limit], run) => {
        const scene = await openScene(context, run);
        const { maxBodyBytes } = scene.store.capabilities;
        const fitting = sizes.filter((size) => size <= maxBodyBytes);
        await scene.append(fitting.map((size, i) => plainRecord(i, new Uint8Array(size).fill(i))));
        run.say(`read    in pages of ${limit} records and ${limitBytes} bytes`);
        const whole = await readAll(scene.store, scene.workspace, { limit, limitBytes });
        sameRecords(whole.records, scene.records, 'read in pages limited by bytes');
        for (const [i, page] of whole.pages.entries()) {
          const bytes = page.reduce((sum, one) => sum + one.body.length, 0);
          holds(page.length <= limit, `page ${i} has ${page.length} records`);
          holds(page.length <= 1 || bytes <= limitBytes, `page ${i} has ${bytes} bytes in ${page.length} records (${words(page)})`);
          run.count('pages ended by bytes', page.length < limit && i < whole.pages.length - 1);
          if (i < whole.pages.length - 1) holds(page.length > 0, `page ${i} is empty`);
        }
      },
      { runs: 20 },
    ),
});

const bounded = opLaw('OP-26', {
  floors: { 'appended between pages': { count: 6 } },
  run: (context) =>
    context.check(
      fc.tuple(steps(6), steps(4), fc.integer({ min: 1, max: 4 }), fc.nat(3), fc.option(step, { nil: undefined })),
      async ([plan, later, limit, tree, aim], run) => {
        const scene = await openScene(context, run);
        await scene.build([[0, tree, 0, 3], ...plan]);
        const before = scene.records;
        const missing = aim && resolveVector(aim, scene.log);
        const filter = tree === 3 ? {} : { trees: [treeId(tree)] };
        const wanted = (one: (typeof before)[number]): boolean =>
          (tree === 3 || one.tree === treeId(tree)) && !(missing && vectorHas(missing, one));
        const query = { ...filter, ...(missing ? { missing } : {}), limit };
        run.say(`read    first page of ${limit}${tree === 3 ? '' : `, tree ${treeId(tree)}`}`);
        const first = await scene.store.read(scene.workspace, query);
        await scene.build(later);
        run.count('appended between pages', first.next !== undefined && scene.records.length > before.length);
        const rest = first.next ? (await readAll(scene.store, scene.workspace, first.next)).records : [];
        sameRecords([...first.records, ...rest], before.filter(wanted), 'the pages of a query begun before the last appends');
        const tail = await readAll(scene.store, scene.workspace, { ...query, after: first.through as Cursor });
        sameRecords(tail.records, scene.records.slice(before.length).filter(wanted), 'read after its through');
        const again = await readAll(scene.store, scene.workspace, { ...query, through: first.through as Cursor });
        sameRecords(again.records, before.filter(wanted), 'the same query again through the same cursor');
        const vector = await wholeVector(scene.store, scene.workspace, {
          through: first.through as Cursor,
          ...(tree === 3 ? {} : { trees: [treeId(tree) as TreeId] }),
        });
        same(
          vectorWords(vector),
          vectorWords(sortedVector(before.filter((one) => tree === 3 || one.tree === treeId(tree)))),
          'vector through the same cursor',
        );
      },
      { runs: 30 },
    ),
});

/** What a reader sees. */
export const readLaws: readonly Law<'op-store'>[] = [
  secondHandle,
  order,
  vectors,
  difference,
  exchange,
  dates,
  pages,
  leftEarly,
  limits,
  bounded,
];
