import type { BlobKey, FileEntry } from '@spacestore/core';
import fc from 'fast-check';
import { holds, refused, same, settle } from '../../check/expect.ts';
import { space } from '../../gen/secret-store.ts';
import type { Law } from '../../spec/law.ts';
import { entryOf, entryWords, expectEntries, fileKey, keyOfCase } from './scene.ts';

const group = 'entries';
const small = fc.tuple(fc.nat(9), fc.nat(5), fc.nat(99), fc.nat(1));

const kept: Law<'file-index'> = {
  id: 'FI-01',
  kind: 'file-index',
  group,
  title:
    'what is put, patched, replaced and deleted is what get and list tell, by kind, state and page, also after a reopen, and of its own workspace alone',
  why: 'A file that is listed wrongly is shown without its bytes, or not at all.',
  floors: { 'entries there': { count: 20 } },
  run: (context) =>
    context.check(
      fc.array(small, { minLength: 4, maxLength: 20, size: 'max' }),
      async (steps, run) => {
        const room = await context.shared();
        const spaces = [space(run.fresh('w')), space(run.fresh('v'))];
        const models: readonly Map<BlobKey, FileEntry>[] = [new Map(), new Map()];
        for (const [kind, k, n, which] of steps) {
          const [workspace, model, key] = [spaces[which] as (typeof spaces)[0], models[which] as Map<BlobKey, FileEntry>, fileKey(k)];
          const [store, entry, before] = [room.store, entryOf(key, n), model.get(key)];
          if (kind <= 3) {
            run.say(`put ${entryWords(entry)}`);
            await store.put(workspace, entry);
            model.set(key, entry);
          } else if (kind <= 6) {
            run.say(`replace ${entryWords(before)} by ${entryWords(entry)}`);
            await store.replace(workspace, key, before, n % 3 === 0 ? undefined : entry);
            if (n % 3 === 0) model.delete(key);
            else model.set(key, entry);
          } else if (kind === 7) {
            run.say(`patch ${key}`);
            const outcome = await settle(store.patch(workspace, key, { name: 'patched', mimeType: null }));
            same(outcome.ok, before !== undefined, 'whether a patch was taken');
            if (before) {
              const { mimeType: _, ...rest } = before;
              model.set(key, { ...rest, name: 'patched' });
            }
          } else if (kind === 8) {
            run.say(`delete ${key}`);
            await store.delete(workspace, key);
            model.delete(key);
          } else {
            run.say('drop');
            await store.drop(workspace);
            model.clear();
          }
        }
        for (const [i, model] of models.entries()) {
          run.count('entries there', model.size > 0);
          await expectEntries(room.store, spaces[i] as (typeof spaces)[0], model, 'afterwards');
        }
        await room.reopen();
        for (const [i, model] of models.entries()) await expectEntries(room.store, spaces[i] as (typeof spaces)[0], model, 'reopened');
      },
      { runs: 25 },
    ),
};

const compareAndSet: Law<'file-index'> = {
  id: 'FI-02',
  kind: 'file-index',
  group: 'concurrency',
  title:
    'of several that replace the same entry at once one is let through, over two handles; a retry is harmless; any field that differs is another entry',
  why: 'Two servers that both believe they decide about a file lose it.',
  floors: { 'that came too late': { count: 20 } },
  run: async (context) => {
    const room = await context.shared();
    const [store, second] = [room.store, await room.another()];
    await context.check(
      fc.record({ writers: fc.integer({ min: 2, max: 6 }), before: fc.nat(99), there: fc.boolean() }),
      async ({ writers, before, there }, run) => {
        const [workspace, key] = [space('shared'), keyOfCase(run.fresh('k'))];
        const from = there ? entryOf(key, before) : undefined;
        if (from) await store.put(workspace, from);
        run.say(`${writers} replace ${entryWords(from)} at once`);
        const wanted = Array.from({ length: writers }, (_, i) => ({ ...entryOf(key, before), createdAt: 5_000 + i }));
        const outcomes = await Promise.all(wanted.map((to, i) => settle((i % 2 === 0 ? store : second).replace(workspace, key, from, to))));
        for (const outcome of outcomes)
          if (!outcome.ok) await refused(Promise.reject(outcome.error), 'one that came too late', 'conflict', 'busy');
        const winners = wanted.filter((_, i) => outcomes[i]?.ok);
        run.count('that came too late', winners.length < writers);
        same(winners.length, 1, 'those that were let through');
        const [winner] = winners as [FileEntry];
        for (const handle of [store, second])
          same(entryWords(await handle.get(workspace, key)), entryWords(winner), 'the entry afterwards');
        await second.replace(workspace, key, from, winner); // its reply was lost: it asks again
        same(entryWords(await store.get(workspace, key)), entryWords(winner), 'the entry after a retry');
      },
      { runs: 20 },
    );
    await context.example(async (run) => {
      const [workspace, key] = [space(run.fresh('w')), fileKey(1)];
      const entry: FileEntry = { key, sizeBytes: 5, createdAt: 7, state: 'ready', name: 'a', mimeType: 'b/c' };
      const others: readonly FileEntry[] = [
        { ...entry, sizeBytes: 6 },
        { ...entry, createdAt: 8 },
        { ...entry, state: 'deleting' },
        { ...entry, name: 'A' },
        { ...entry, mimeType: 'b/d' },
        { key, sizeBytes: 5, createdAt: 7, state: 'ready' },
      ];
      await store.put(workspace, entry);
      const to: FileEntry = { ...entry, createdAt: 9 };
      for (const other of [...others, undefined]) {
        run.say(`replace ${entryWords(other)}, which it is not`);
        await refused(store.replace(workspace, key, other, to), 'a replacement of another entry', 'conflict');
        await refused(store.replace(workspace, key, other, undefined), 'a removal of another entry', 'conflict');
      }
      same(entryWords(await store.get(workspace, key)), entryWords(entry), 'the entry after refusals');
      await refused(store.replace(workspace, fileKey(2), undefined, entry), 'an entry of another key', 'invalid');
      await store.replace(workspace, key, entry, undefined);
      await store.replace(workspace, key, entry, undefined);
      holds((await store.get(workspace, key)) === undefined, 'a removed entry is still there');
      await refused(store.replace(space(run.fresh('u')), key, entry, to), 'a replacement in an unknown workspace', 'conflict');
    });
  },
};

export const entryLaws: readonly Law<'file-index'>[] = [kept, compareAndSet];
