import type { BlobKey } from '@spacestore/core';
import fc from 'fast-check';
import { holds, refused, same } from '../../check/expect.ts';
import { contentOf, keyOfContent, mutableKey, plainSource, rootOf } from '../../gen/blob-store.ts';
import { keysOf } from '../../model/blob-store.ts';
import type { Law } from '../../spec/law.ts';
import { listBlobs } from './reading.ts';

const kinds = [undefined, 'static', 'var'] as const;

const lists: Law<'blob-store'> = {
  id: 'BL-11',
  kind: 'blob-store',
  group: 'listing',
  title:
    'a listing has each blob of its root once, in byte order, whatever the page; one that stays comes exactly once while others come and go',
  why: "A mirror or a backup that misses a file, or takes a neighbour's, is worthless.",
  floors: { 'listings of several pages': { count: 1 } },
  run: async (context) => {
    await context.check(
      fc.record({
        count: fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
        limit: fc.integer({ min: 1, max: 3 }),
        exact: fc.boolean(),
        kind: fc.constantFrom(...kinds),
      }),
      async ({ count, limit, exact, kind }, run) => {
        const { store } = await context.shared();
        const name = run.fresh('r');
        const root = rootOf(name);
        const blobs = Array.from({ length: exact ? limit * (count % 4) : count }, (_, i) => i);
        const model = new Map([[root, new Map<BlobKey, Uint8Array>()]]);
        for (const i of blobs) {
          const bytes = contentOf(i, 20 + i);
          const key = i % 2 === 0 ? keyOfContent(bytes) : mutableKey(i * 37);
          await store.put(root, key, plainSource(bytes));
          model.get(root)?.set(key, bytes);
        }
        // Roots whose names a listing by prefix would take in.
        for (const near of [`${name}0`, count % 2 === 0 ? `${name}/files` : `${name}-`])
          await store.put(rootOf(near), mutableKey(5), plainSource(contentOf(0, 5)));
        const expected = keysOf(model, root, kind);
        run.say(`list ${blobs.length} blobs by ${limit}${kind ? `, only ${kind}` : ''}, beside roots named alike`);
        run.count('listings of several pages', expected.length > limit);
        const entries = await listBlobs(store, root, { limit, ...(kind === undefined ? {} : { kind }) });
        same(
          entries.map((entry) => entry.key),
          expected,
          'keys listed',
        );
        for (const entry of entries) same(entry.sizeBytes, model.get(root)?.get(entry.key)?.length, `size of ${entry.key}`);
        const after = mutableKey(37 * count + 1);
        const rest = await store.list(root, { limit: 100, after, ...(kind === undefined ? {} : { kind }) });
        same(
          rest.items.map((entry) => entry.key),
          expected.filter((key) => key > after),
          'keys after one that need not be there',
        );
      },
      { runs: 14 },
    );
    await context.check(
      fc.record({ stable: fc.integer({ min: 3, max: 8 }), limit: fc.integer({ min: 1, max: 3 }), salt: fc.nat(999) }),
      async ({ stable, limit, salt }, run) => {
        const { store } = await context.shared();
        const root = rootOf(run.fresh('r'));
        const put = (k: number): Promise<unknown> => store.put(root, mutableKey(k), plainSource(contentOf(k, 10)));
        for (let i = 0; i < stable; i++) await put(i * 100);
        for (let i = 0; i < stable; i++) await put(i * 100 + 50);
        run.say(`list ${stable} blobs that stay and as many that go, by ${limit}; between pages one goes and one comes`);
        const entries = await listBlobs(store, root, { limit }, async (page) => {
          await store.delete(root, mutableKey(((page * 7 + salt) % stable) * 100 + 50));
          await put(((page * 3 + salt) % stable) * 100 + 1 + (page % 40));
        });
        const keys = entries.map((entry) => entry.key);
        for (let i = 0; i < stable; i++)
          same(
            keys.filter((key) => key === mutableKey(i * 100)).length,
            1,
            `times ${mutableKey(i * 100)} was listed, which was there all the time`,
          );
      },
      { runs: 10 },
    );
    await context.example(async (run) => {
      const { store } = await context.shared();
      for (const limit of [0, -1, 1.5, Number.NaN]) {
        run.say(`list by ${limit}`);
        await refused(store.list(rootOf('limits'), { limit }), `a limit of ${limit}`, 'invalid');
      }
      const page = await store.list(rootOf('nothing-here'), { limit: 10 });
      holds(page.items.length === 0 && page.next === undefined, 'an unknown root does not list as empty');
    });
  },
};

export const listingLaws: readonly Law<'blob-store'>[] = [lists];
