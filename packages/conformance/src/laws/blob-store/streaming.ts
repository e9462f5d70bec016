import fc from 'fast-check';
import { brief, digestOf } from '../../check/digest.ts';
import { holds, refused, same, settle } from '../../check/expect.ts';
import {
  chunkedSource,
  chunksOf,
  contentOf,
  cutsArbitrary,
  keyOfContent,
  mutableKey,
  plainSource,
  rootOf,
  sizeArbitrary,
} from '../../gen/blob-store.ts';
import type { LawContext } from '../../run/context.ts';
import type { Law } from '../../spec/law.ts';
import { expectBlob, expectNoBlob, listBlobs } from './reading.ts';
import { failingSource, gatedSource, watchedSource } from './sources.ts';

const group = 'streaming';

const streams: Law<'blob-store'> = {
  id: 'BL-05',
  kind: 'blob-store',
  group,
  title:
    'a source is read one chunk at a time, whatever its chunks; its own error is passed on and leaves nothing, and so does a wrong length',
  why: 'An upload that breaks must not leave half a file, and the caller must learn what broke.',
  floors: { 'sources that failed': { count: 2 }, 'empty chunks': { count: 2 } },
  run: (context) =>
    context.check(
      fc.record({
        size: sizeArbitrary(150_000),
        cuts: cutsArbitrary,
        how: fc.constantFrom(0, 1, 1, 2, 3),
        fixed: fc.boolean(),
        stated: fc.boolean(),
      }),
      async ({ size, cuts, how, fixed, stated }, run) => {
        const { store } = await context.shared();
        const root = rootOf(run.fresh('r'));
        const bytes = contentOf(5, size);
        const key = fixed ? keyOfContent(bytes) : mutableKey(1);
        const chunks = chunksOf(bytes, cuts);
        run.count('sources that failed', how === 1);
        run.count(
          'empty chunks',
          chunks.some((chunk) => chunk.length === 0),
        );
        run.say(
          `put ${key}  ${brief(bytes)} as ${chunks.map((chunk) => chunk.length).join(' + ')}, ${['watched', 'failing', 'stating one more', 'stating one less'][how]}`,
        );
        if (how === 0) {
          const source = watchedSource(chunks);
          await store.put(root, key, source);
          holds(!source.overlapped(), 'a chunk was asked for while another was on its way');
          return void (await expectBlob(store, root, key, bytes, 'get'));
        }
        if (how === 1) {
          const failure = new Error('the source broke');
          const outcome = await settle(store.put(root, key, failingSource(chunks, failure, stated ? size + 9 : undefined)));
          holds(!outcome.ok && outcome.error === failure, 'the error of the source was not passed on as it is');
        } else {
          const wrong = {
            ...chunkedSource(bytes, cuts, true),
            sizeBytes: Math.max(size + (how === 2 ? 1 : -1), how === 3 && size === 0 ? 1 : 0),
          };
          await refused(store.put(root, key, wrong), 'put of a source that is not as long as it says', 'invalid');
        }
        await expectNoBlob(store, root, key, 'after the failure');
        await store.put(root, key, plainSource(bytes));
        await expectBlob(store, root, key, bytes, 'a put after the failure');
      },
      { runs: 28 },
    ),
};

const endings = ['finishes', 'fails', 'is aborted'] as const;

const neverPartial: Law<'blob-store'> = {
  id: 'BL-06',
  kind: 'blob-store',
  group,
  title: 'while a source is half way nothing of it is visible, and nothing is left of it if it fails or is aborted',
  why: 'A reader that sees half a file takes it for the file.',
  run: (context) =>
    context.check(
      fc.record({
        size: fc.constantFrom(2, 100, 70_000, 300_000),
        before: fc.boolean(),
        fixed: fc.boolean(),
        stated: fc.boolean(),
        ending: fc.constantFrom(...endings),
      }),
      async ({ size, before, fixed, stated, ending }, run) => {
        const { store } = await context.shared();
        const root = rootOf(run.fresh('r'));
        const bytes = contentOf(9, size);
        const key = fixed ? keyOfContent(bytes) : mutableKey(1);
        const old = !fixed && before ? contentOf(10, size + 5) : undefined;
        const seeOld = async (what: string): Promise<void> => {
          if (old) await expectBlob(store, root, key, old, what);
          else await expectNoBlob(store, root, key, what);
          same(
            (await listBlobs(store, root)).map((entry) => entry.sizeBytes),
            old ? [old.length] : [],
            `${what}: sizes listed`,
          );
        };
        if (old) await store.put(root, key, plainSource(old));
        const source = gatedSource(bytes, stated);
        const stop = new AbortController();
        run.say(`put ${key}  ${brief(bytes)}${old ? ` over ${brief(old)}` : ''}: half way, then it ${ending}`);
        const put = settle(store.put(root, key, source, {}, { signal: stop.signal }));
        await source.halfWay;
        await seeOld('half way');
        if (ending === 'is aborted') stop.abort();
        else source.go(ending === 'fails' ? new Error('the source broke') : undefined);
        const outcome = await put;
        same(outcome.ok, ending === 'finishes', `the put that ${ending} resolved`);
        if (ending === 'finishes') await expectBlob(store, root, key, bytes, 'afterwards');
        else await seeOld('afterwards');
      },
      { runs: 16 },
    ),
};

const ownBytes: Law<'blob-store'> = {
  id: 'BL-21',
  kind: 'blob-store',
  group,
  title: "arguments and results are nobody else's: bytes changed after they were handed over change nothing stored",
  why: 'A buffer that is filled anew would rewrite files behind their hash.',
  run: (context) =>
    context.check(
      fc.record({ size: fc.constantFrom(1, 50, 5000, 70_000), cuts: cutsArbitrary, fixed: fc.boolean() }),
      async ({ size, cuts, fixed }, run) => {
        const { store } = await context.shared();
        const root = rootOf(run.fresh('r'));
        const bytes = contentOf(11, size);
        const key = fixed ? keyOfContent(bytes) : mutableKey(1);
        // A view into a larger buffer: neighbours must not come along.
        const mine = new Uint8Array(size + 100).fill(0xee);
        mine.set(bytes, 50);
        const chunks = chunksOf(mine.subarray(50, 50 + size), cuts);
        run.say(`put ${key}  from views of one buffer, overwritten once the put resolved`);
        await store.put(root, key, {
          sizeBytes: size,
          open: async function* () {
            yield* chunks;
          },
        });
        same(digestOf(mine.subarray(50, 50 + size)), digestOf(bytes), "sha256 of the caller's own buffer after put");
        mine.fill(0);
        const content = await store.get(root, key);
        holds(content !== undefined, 'there is no blob');
        for await (const chunk of content.body) chunk.fill(0x55);
        run.say('every chunk that was read is overwritten');
        await expectBlob(store, root, key, bytes, 'afterwards');
      },
      { runs: 15 },
    ),
};

const leftEarly: Law<'blob-store'> = {
  id: 'BL-24',
  kind: 'blob-store',
  group,
  title: 'reads left early, failed and aborted puts, and stores opened and closed leave no open file',
  why: 'A server that leaks a descriptor with every broken download stops after a day.',
  tools: ['open files'],
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const root = rootOf('leaks');
      const bytes = contentOf(2, 400_000);
      await room.store.put(root, mutableKey(1), plainSource(bytes));
      const strain = async (): Promise<void> => {
        for await (const _ of (await room.store.get(root, mutableKey(1)))!.body) break;
        await settle(room.store.put(root, mutableKey(2), failingSource([bytes], new Error('the source broke'))));
        const stop = new AbortController();
        const source = gatedSource(bytes);
        const put = settle(room.store.put(root, mutableKey(3), source, {}, { signal: stop.signal }));
        await source.halfWay;
        stop.abort();
        await put;
        await room.reopen();
      };
      await strain();
      const before = (await context.world.openFiles()).length;
      for (let i = 0; i < context.size(20, 100); i++) await strain();
      run.say('reads left early, puts that failed, puts aborted, the store closed and opened again, many times');
      const after = await fewest(context, before + 3);
      holds(after <= before + 3, `open files went from ${before} to ${after}`);
      run.say('a body nobody reads, and the store closed');
      await room.store.get(root, mutableKey(1));
      await room.reopen();
      holds((await fewest(context, before + 3)) <= before + 3, 'a body nobody reads keeps a file open after close');
    }),
};

/** Open files once they are no more than so many, or after a while: a connection ends when the other side has heard of it. */
async function fewest(context: LawContext<'blob-store'>, enough: number): Promise<number> {
  for (let tries = 1; ; tries++) {
    const found = (await context.world.openFiles()).length;
    if (found <= enough || tries === 100) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const noTrail: Law<'blob-store'> = {
  id: 'BL-20',
  kind: 'blob-store',
  group,
  title: 'what a failed or aborted put, a replaced or a deleted blob leaves at rest is nothing',
  why: 'Temporary files that nobody collects fill the disk, and deleted files that lie there still are not deleted.',
  tools: ['raw bytes'],
  floors: { 'stored bytes found at rest': { share: 1 } },
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const root = rootOf('trail');
      const canary = (n: number): Uint8Array => contentOf(n, 3000);
      const lying = async (n: number): Promise<readonly string[]> => {
        const needle = Buffer.from(canary(n).subarray(0, 1000));
        const files = await context.subject.raw!(room.place, context.scope);
        return files.filter((file) => Buffer.from(file.bytes).includes(needle)).map((file) => file.path);
      };
      await room.store.put(root, mutableKey(1), plainSource(canary(1)));
      run.count('stored bytes found at rest', (await lying(1)).length > 0);
      await settle(room.store.put(root, mutableKey(2), failingSource([canary(2), canary(2)], new Error('the source broke'))));
      await settle(room.store.put(root, keyOfContent(canary(1)), plainSource(canary(3))));
      const stop = new AbortController();
      const source = gatedSource(Buffer.concat([canary(4), canary(4)]));
      const put = settle(room.store.put(root, mutableKey(1), source, {}, { signal: stop.signal }));
      await source.halfWay;
      stop.abort();
      await put;
      await settle(room.store.put(root, mutableKey(1), plainSource(canary(5)), { ifNoneMatch: '*' }));
      await room.store.put(root, mutableKey(1), plainSource(canary(6)));
      await room.store.put(root, mutableKey(7), plainSource(canary(7)));
      await room.store.delete(root, mutableKey(7));
      await room.store.put(rootOf('other'), mutableKey(8), plainSource(canary(8)));
      await room.store.drop(rootOf('other'));
      const told = [
        '',
        'replaced',
        'of a source that failed',
        'refused for its hash',
        'aborted',
        'refused as a conflict',
        '',
        'deleted',
        'dropped',
      ];
      for (const n of [1, 2, 3, 4, 5, 7, 8]) same(await lying(n), [], `files that hold content that was ${told[n]}`);
    }),
};

export const streamingLaws: readonly Law<'blob-store'>[] = [streams, neverPartial, ownBytes, leftEarly, noTrail];
