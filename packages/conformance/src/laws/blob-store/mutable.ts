import fc from 'fast-check';
import { brief, digestOf } from '../../check/digest.ts';
import { holds, refused, same, settle } from '../../check/expect.ts';
import { chunkedSource, contentOf, cutsArbitrary, keyOfContent, mutableKey, plainSource, rootOf } from '../../gen/blob-store.ts';
import type { Law } from '../../spec/law.ts';
import { bytesOf, expectBlob, expectNoBlob, listBlobs, readBlob } from './reading.ts';
import { failingSource, gatedSource } from './sources.ts';

const group = 'concurrency';

/** Lets everybody else have a turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const sameHash: Law<'blob-store'> = {
  id: 'BL-07',
  kind: 'blob-store',
  group,
  title: 'the same content put eight times at once, one of them failing half way, is one whole blob, and every success is true',
  why: "Two people who add the same photo must not spoil each other's upload.",
  run: (context) =>
    context.check(
      fc.record({
        size: fc.constantFrom(0, 10, 70_000, 200_000),
        cuts: cutsArbitrary,
        failing: fc.nat(7),
        late: fc.nat(7),
        fixed: fc.boolean(),
      }),
      async ({ size, cuts, failing, late, fixed }, run) => {
        const { store } = await context.shared();
        const root = rootOf(run.fresh('r'));
        const bytes = contentOf(21, size);
        const key = fixed ? keyOfContent(bytes) : mutableKey(1);
        const slow = gatedSource(bytes);
        run.say(`put ${key}  ${brief(bytes)} 8 times at once: number ${failing} fails half way, number ${late} ends last`);
        const puts = Array.from({ length: 8 }, (_, i) => {
          if (i === failing) return failingSource([bytes.subarray(0, size / 2)], new Error('the source broke'), size);
          return i === late ? slow : chunkedSource(bytes, cuts, i % 2 === 0);
        }).map((source) => settle(store.put(root, key, source)));
        const early = await Promise.all(puts.filter((_, i) => i !== late));
        if (late !== failing) await Promise.race([slow.halfWay, puts[late]]);
        await expectBlob(store, root, key, bytes, 'before the last one ended');
        slow.go();
        const last = await puts[late];
        same(early.filter((one) => one.ok).length + (last?.ok ? 1 : 0), 7, 'puts that resolved');
        await expectBlob(store, root, key, bytes, 'afterwards');
        same((await listBlobs(store, root)).length, 1, 'blobs listed');
      },
      { runs: 8 },
    ),
};

const atomicReplace: Law<'blob-store'> = {
  id: 'BL-09',
  kind: 'blob-store',
  group,
  title: 'a replaced file is wholly the old or wholly the new one to every reader, and a condition lets exactly one writer through',
  why: 'A setting or a picture that is briefly missing, mixed or silently overwritten is lost work.',
  floors: { 'reads that met an overwrite': { count: 5 }, 'conditional puts refused': { count: 5 } },
  run: async (context) => {
    await context.check(
      fc.record({
        sizes: fc.array(fc.constantFrom(0, 1, 500, 70_000, 300_000), { minLength: 3, maxLength: 6, size: 'max' }),
        readers: fc.integer({ min: 1, max: 3 }),
      }),
      async ({ sizes, readers }, run) => {
        const { store } = await context.shared();
        const root = rootOf(run.fresh('r'));
        const versions = sizes.map((size, i) => contentOf(i, size + i));
        const digests = new Set(versions.map(digestOf));
        await store.put(root, mutableKey(1), plainSource(versions[0] as Uint8Array));
        run.say(`replace ${versions.map(brief).join(' by ')} while ${readers} read`);
        let done = false;
        const met = new Set<string>();
        const reader = async (): Promise<void> => {
          do {
            const found = await readBlob(store, root, mutableKey(1));
            holds(found !== undefined, 'a reader met no blob while it was replaced');
            const digest = digestOf(found.bytes);
            met.add(digest);
            holds(digests.has(digest), `a reader got ${brief(found.bytes)}, which nobody put`);
            same(found.info.sha256, digest, 'sha256 told beside the bytes given');
            holds((await store.head(root, mutableKey(1))) !== undefined, 'head met no blob while it was replaced');
            same((await listBlobs(store, root)).length, 1, 'blobs listed while one was replaced');
            await turn(); // a store that never waits would keep the writer from its turn
          } while (!done);
        };
        const writer = async (): Promise<void> => {
          try {
            for (const bytes of versions.slice(1)) {
              await store.put(root, mutableKey(1), chunkedSource(bytes, [250, 500, 750], true));
              await turn();
            }
          } finally {
            done = true;
          }
        };
        await Promise.all([writer(), ...Array.from({ length: readers }, reader)]);
        run.count('reads that met an overwrite', met.size > 1);
        await expectBlob(store, root, mutableKey(1), versions.at(-1) as Uint8Array, 'at last');
      },
      { runs: 12 },
    );
    await context.check(
      fc.record({ size: fc.constantFrom(1000, 300_000), begun: fc.boolean() }),
      async ({ size, begun }, run) => {
        const { store } = await context.shared();
        const root = rootOf(run.fresh('r'));
        const [old, young] = [contentOf(1, size), contentOf(2, size)];
        await store.put(root, mutableKey(1), plainSource(old));
        const content = await store.get(root, mutableKey(1));
        const body = content!.body[Symbol.asyncIterator]();
        const first = begun ? [(await body.next()).value as Uint8Array] : [];
        run.say(`get ${brief(old)}, ${begun ? 'read a chunk' : 'read nothing yet'}, replace it by ${brief(young)}, read on`);
        await store.put(root, mutableKey(1), plainSource(young));
        const rest = await settle(bytesOf({ [Symbol.asyncIterator]: () => body }));
        if (!rest.ok) return void (await refused(Promise.reject(rest.error), 'reading on', 'unavailable', 'corrupt', 'conflict'));
        same(digestOf(Buffer.concat([...first, rest.value])), content!.info.sha256, 'sha256 of a body that was read over a replacement');
      },
      { runs: 6 },
    );
    await context.check(
      fc.record({ writers: fc.integer({ min: 2, max: 6 }), fresh: fc.boolean() }),
      async ({ writers, fresh }, run) => {
        const { store } = await context.shared();
        const root = rootOf(run.fresh('r'));
        const version = fresh ? undefined : (await store.put(root, mutableKey(1), plainSource(contentOf(99, 40)))).version;
        const contents = Array.from({ length: writers }, (_, i) => contentOf(i, 5000 + i));
        run.say(`${writers} writers at once, each ${version === undefined ? 'if there is none' : 'over the same version'}`);
        const condition = version === undefined ? ({ ifNoneMatch: '*' } as const) : { ifMatch: version };
        const outcomes = await Promise.all(
          contents.map((bytes) => settle(store.put(root, mutableKey(1), chunkedSource(bytes, [500], true), condition))),
        );
        const winners = contents.filter((_, i) => outcomes[i]?.ok);
        run.count('conditional puts refused', winners.length < writers);
        same(winners.length, 1, 'writers that were let through');
        const info = await expectBlob(store, root, mutableKey(1), winners[0] as Uint8Array, "the winner's blob");
        for (const outcome of outcomes) {
          if (outcome.ok) continue;
          const error = await refused(Promise.reject(outcome.error), 'a writer that came too late', 'conflict');
          holds(
            error.context.version === undefined || error.context.version === info.version,
            'a conflict names another version than the present one',
          );
        }
        await refused(store.delete(root, mutableKey(1), { ifMatch: `${info.version}x` }), 'delete of another version', 'conflict');
        await expectBlob(store, root, mutableKey(1), winners[0] as Uint8Array, 'after the refused delete');
      },
      { runs: 15 },
    );
  },
};

const deletes: Law<'blob-store'> = {
  id: 'BL-12',
  kind: 'blob-store',
  group,
  title: 'a deleted blob is gone everywhere in its root and nowhere else; deleting again is fine; beside a put either one wins',
  why: 'Content shared by hash belongs to each workspace by itself: one that deletes it must not take it from another.',
  run: (context) =>
    context.check(
      fc.record({
        size: fc.constantFrom(0, 10, 70_000),
        fixed: fc.boolean(),
        beside: fc.boolean(),
        again: fc.boolean(),
        drop: fc.boolean(),
      }),
      async ({ size, fixed, beside, again, drop }, run) => {
        const { store } = await context.shared();
        const name = run.fresh('r');
        const [root, other] = [rootOf(name), rootOf(`${name}0`)];
        const bytes = contentOf(4, size);
        const key = fixed ? keyOfContent(bytes) : mutableKey(1);
        for (const each of [root, other]) await store.put(each, key, plainSource(bytes));
        run.say(`${drop ? 'drop the root of' : 'delete'} ${key}, which is in two roots${beside ? ', beside a put of it' : ''}`);
        const remove = (): Promise<void> => (drop ? store.drop(root) : store.delete(root, key));
        if (beside) {
          await Promise.all([store.put(root, key, chunkedSource(bytes, [100, 500], true)), remove()]);
          const there = (await store.head(root, key)) !== undefined;
          if (there) await expectBlob(store, root, key, bytes, 'after delete beside put');
          else await expectNoBlob(store, root, key, 'after delete beside put');
        }
        await remove();
        await expectNoBlob(store, root, key, 'after the delete');
        await remove();
        await expectBlob(store, other, key, bytes, 'the same key in another root');
        if (!again) return;
        await store.put(root, key, plainSource(bytes));
        await expectBlob(store, root, key, bytes, 'put again');
      },
      { runs: 20 },
    ),
};

export const mutableLaws: readonly Law<'blob-store'>[] = [sameHash, atomicReplace, deletes];
