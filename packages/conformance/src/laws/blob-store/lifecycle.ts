import { getEventListeners } from 'node:events';
import type { BlobKey, BlobRoot, BlobStore } from '@spacestore/core';
import { hasCode } from '@spacestore/core';
import fc from 'fast-check';
import { holds, refused, same, settle, show } from '../../check/expect.ts';
import { contentOf, keyOfContent, mutableKey, plainSource, rootOf } from '../../gen/blob-store.ts';
import { type BlobModel, blobIn, type Condition, deleteBlob, putBlob } from '../../model/blob-store.ts';
import type { Law } from '../../spec/law.ts';
import { bytesOf, expectBlob, expectNoBlob, expectRoot } from './reading.ts';
import { gatedSource } from './sources.ts';

const contentTypes: Law<'blob-store'> = {
  id: 'BL-10',
  kind: 'blob-store',
  group: 'content',
  title: 'a content type is kept with its blob; one that is no plain ASCII of 1 to 255 characters is `invalid`',
  why: 'A browser shows a file by its type, and a line break in one would forge a header.',
  needs: { name: 'contentType', holds: (store) => store.capabilities.contentType },
  refusal: (context) =>
    context.example(async () => {
      const { store } = await context.shared();
      const info = await store.put(rootOf('types'), mutableKey(1), plainSource(contentOf(1, 1)), { contentType: 'image/png' });
      holds(info.contentType === undefined || info.contentType === 'image/png', 'a store that does not keep types told another one');
    }),
  run: (context) =>
    context.example(async (run) => {
      const { store } = await context.shared();
      const root = rootOf('types');
      const good = ['image/png', 'text/plain; charset=utf-8', 'X', 'a/b; name="q\\"uote"', 'x'.repeat(255), 'application/X-Odd+JSON'];
      for (const [i, contentType] of [...good, undefined].entries()) {
        run.say(`put with type ${show(contentType)}`);
        const info = await store.put(
          root,
          mutableKey(i % 2),
          plainSource(contentOf(i, 10)),
          contentType === undefined ? {} : { contentType },
        );
        same(info.contentType, contentType, 'type told by put');
        same((await expectBlob(store, root, mutableKey(i % 2), contentOf(i, 10), 'get')).contentType, contentType, 'type told by get');
      }
      for (const contentType of ['', 'a\r\nX-Evil: 1', 'a\nb', 'a\0', 'a\tb', 'é', '日本', 'x'.repeat(256), '\u007f']) {
        run.say(`put with type ${show(contentType)}`);
        await refused(
          store.put(root, mutableKey(9), plainSource(contentOf(9, 9)), { contentType }),
          `type ${show(contentType)}`,
          'invalid',
        );
        await expectNoBlob(store, root, mutableKey(9), 'after the refusal');
      }
    }),
};

const conditions: readonly Condition[] = ['any', 'any', 'absent', 'current', 'stale'];
const small = fc.tuple(fc.nat(9), fc.nat(99), fc.nat(99), fc.nat(99));

const consistent: Law<'blob-store'> = {
  id: 'BL-18',
  kind: 'blob-store',
  group: 'life',
  title: 'after any calls get, head and list tell the same, which is what the calls left',
  why: "A file that is listed and can't be read, or read and not listed, makes every tool above it wrong.",
  floors: { 'puts refused': { count: 8 }, 'puts over a blob': { count: 8 }, 'deletes of a blob': { count: 4 } },
  run: (context) =>
    context.check(
      fc.array(small, { minLength: 1, maxLength: 14, size: 'max' }),
      async (steps, run) => {
        const { store } = await context.shared();
        const name = run.fresh('r');
        const roots = [rootOf(name), rootOf(`${name}1`)];
        const model: BlobModel = new Map();
        const seen = new Map<BlobKey, Map<string, string>>(); // key → sha256 → version
        for (const [kind, a, b, c] of steps) {
          const root = roots[a % 2] as BlobRoot;
          const bytes = contentOf(b % 4, (b % 4) * 31);
          const stored = [...(model.get(root)?.keys() ?? [])];
          // Most steps aim at what is there.
          const aimed = kind % 3 === 0 ? undefined : stored[c % Math.max(stored.length, 1)];
          const named = a % 3 === 0 ? keyOfContent(contentOf(c % 4, (c % 4) * 31)) : mutableKey(c % 3);
          const key = aimed ?? named;
          const present = blobIn(model, root, key);
          const current = present && (await store.head(root, key))?.version;
          const other = [...(seen.get(key) ?? [])].find(([, version]) => version !== current)?.[1];
          const wanted = conditions[(a + c) % conditions.length] as Condition;
          // A condition that needs a version nobody has told yet is none.
          const condition = (wanted === 'stale' && other === undefined) || (wanted === 'current' && current === undefined) ? 'any' : wanted;
          const version = condition === 'current' ? current : condition === 'stale' ? other : undefined;
          const match = version === undefined ? {} : { ifMatch: version };
          if (kind < 6) {
            const options = condition === 'absent' ? ({ ifNoneMatch: '*' } as const) : match;
            const fits = keyOfContent(bytes) === key;
            const verdict = putBlob(model, root, key, bytes, condition, fits);
            run.say(`put ${root} ${key.slice(0, 12)} ${bytes.length} B, ${condition}: ${verdict}`);
            run.count('puts over a blob', present !== undefined);
            run.count('puts refused', verdict === 'conflict' || verdict === 'invalid');
            const outcome = await settle(store.put(root, key, plainSource(bytes), options));
            if (verdict === 'stored' || verdict === 'kept') {
              if (!outcome.ok) throw outcome.error;
              seen.set(key, (seen.get(key) ?? new Map()).set(outcome.value.sha256, outcome.value.version));
            } else {
              const both = !fits && key.startsWith('static/') ? (['conflict', 'invalid'] as const) : (['conflict'] as const);
              await refused(outcome.ok ? Promise.resolve(outcome.value) : Promise.reject(outcome.error), 'put', ...both);
            }
          } else if (kind < 9) {
            run.count('deletes of a blob', present !== undefined);
            const how = condition === 'absent' || present === undefined ? 'any' : condition;
            const verdict = deleteBlob(model, root, key, how);
            run.say(`delete ${root} ${key.slice(0, 12)}, ${how}: ${verdict}`);
            const deleted = store.delete(root, key, how === 'any' ? {} : match);
            if (verdict === 'gone') await deleted;
            else await refused(deleted, 'delete', 'conflict');
          } else {
            run.say(`drop ${root}`);
            model.delete(root);
            await store.drop(root);
          }
        }
        for (const root of roots) await expectRoot(store, model, root, root);
      },
      { runs: 30 },
    ),
};

const aborts: Law<'blob-store'> = {
  id: 'BL-19',
  kind: 'blob-store',
  group: 'life',
  title:
    'a call that was given up before it began is `aborted` and did nothing; a put given up half way ends and leaves its source; no listener stays',
  why: 'A user who cancels an upload waits for nothing and finds nothing.',
  run: (context) =>
    context.example(async (run) => {
      const { store } = await context.shared();
      const root = rootOf('aborts');
      const bytes = contentOf(1, 100_000);
      await store.put(root, mutableKey(1), plainSource(bytes));
      const signal = AbortSignal.abort();
      const calls: Readonly<Record<string, () => Promise<unknown>>> = {
        put: () => store.put(root, mutableKey(2), plainSource(bytes), {}, { signal }),
        get: () => store.get(root, mutableKey(1), {}, { signal }),
        head: () => store.head(root, mutableKey(1), { signal }),
        list: () => store.list(root, { limit: 1 }, { signal }),
        delete: () => store.delete(root, mutableKey(1), {}, { signal }),
        drop: () => store.drop(root, { signal }),
      };
      for (const [name, call] of Object.entries(calls)) {
        run.say(`${name}, aborted before`);
        await refused(call(), `${name} with an aborted signal`, 'aborted');
      }
      await expectNoBlob(store, root, mutableKey(2), 'after the aborted put');
      await expectBlob(store, root, mutableKey(1), bytes, 'after the aborted delete and drop');
      run.say('put, aborted half way');
      const [stop, source] = [new AbortController(), gatedSource(bytes)];
      const put = refused(store.put(root, mutableKey(2), source, {}, { signal: stop.signal }), 'a put aborted half way', 'aborted');
      await source.halfWay;
      stop.abort();
      await put;
      holds(source.left(), 'the source was not left');
      await expectNoBlob(store, root, mutableKey(2), 'after it');
      run.say('one signal for many calls');
      const long = new AbortController();
      for (let i = 0; i < 60; i++) {
        await store.put(root, mutableKey(3), plainSource(contentOf(i, 5)), {}, { signal: long.signal });
        const content = await store.get(root, mutableKey(3), {}, { signal: long.signal });
        if (content) await bytesOf(content.body);
        await store.head(root, mutableKey(3), { signal: long.signal });
        await store.list(root, { limit: 1 }, { signal: long.signal });
      }
      const listeners = getEventListeners(long.signal, 'abort').length;
      holds(listeners <= 2, `${listeners} listeners stayed on a signal after 240 calls`);
    }),
};

const closing: Law<'blob-store'> = {
  id: 'BL-25',
  kind: 'blob-store',
  group: 'life',
  title: 'close waits for what was accepted, then every call is `closed`; closing again is fine',
  why: 'A server that stops must neither lose an upload it took nor hang.',
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const { store } = room;
      const root = rootOf('closing');
      const puts = Array.from({ length: 4 }, (_, i) => settle(store.put(root, mutableKey(i), plainSource(contentOf(i, 70_000)))));
      run.say('4 puts, not awaited, then close');
      await store.close();
      const outcomes = await Promise.all(puts);
      await store.close();
      const calls: readonly ((one: BlobStore) => Promise<unknown>)[] = [
        (one) => one.put(root, mutableKey(9), plainSource(contentOf(9, 9))),
        (one) => one.get(root, mutableKey(1)),
        (one) => one.head(root, mutableKey(1)),
        (one) => one.list(root, { limit: 1 }),
        (one) => one.delete(root, mutableKey(1)),
        (one) => one.drop(root),
      ];
      for (const call of calls) await refused(call(store), 'a call after close', 'closed');
      const again = await room.another();
      if (again.capabilities.durable === 'none' && !again.capabilities.multiHandle) return;
      run.say('open again');
      for (const [i, outcome] of outcomes.entries()) {
        if (outcome.ok) await expectBlob(again, root, mutableKey(i), contentOf(i, 70_000), `put ${i}, which resolved`);
        else holds(hasCode(outcome.error, 'closed'), `put ${i} failed otherwise than as closed`);
      }
    }),
};

const killed: Law<'blob-store'> = {
  id: 'BL-26',
  kind: 'blob-store',
  group: 'life',
  title: 'after a kill in the middle of a put what was acknowledged is whole, and nothing of the put is there',
  why: 'The power of a phone goes while a photo is uploaded.',
  needs: { name: 'durable', holds: (store) => store.capabilities.durable !== 'none' },
  tools: ['child process'],
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      await room.store.close();
      const root = rootOf('killed');
      const [text, times] = ['a photo nobody finished ', 9000];
      const bytes = new TextEncoder().encode(text.repeat(times));
      const [whole, half] = [keyOfContent(bytes), mutableKey(1)];
      const child = await context.world.spawn(room.place, { role: 'halfPutter', plan: { root, whole, half, text, times } });
      for (const expected of ['whole', 'half']) same(await child.line(), expected, 'what the child told');
      run.say('the child put one blob, is half way in another, and is killed');
      await child.kill();
      const store = await room.another();
      await expectBlob(store, root, whole, bytes, 'the blob that was acknowledged');
      await expectNoBlob(store, root, half, 'the blob that was half way');
      if (context.subject.raw === undefined) return;
      const files = await context.subject.raw(room.place, context.scope);
      const size = files.reduce((sum, file) => sum + file.bytes.length, 0);
      holds(size < bytes.length * 2, `${size} bytes lie at rest for a blob of ${bytes.length}: the put that was killed left its part`);
    }),
};

export const lifecycleLaws: readonly Law<'blob-store'>[] = [contentTypes, consistent, aborts, closing, killed];
