import fc from 'fast-check';
import { brief } from '../../check/digest.ts';
import { refused, same, settle } from '../../check/expect.ts';
import {
  chunkedSource,
  contentOf,
  cutsArbitrary,
  edgeSizes,
  keyOfContent,
  largeSizes,
  mutableKey,
  plainSource,
  rootOf,
  sizeArbitrary,
} from '../../gen/blob-store.ts';
import type { Law } from '../../spec/law.ts';
import { bytesOf, expectBlob, expectNoBlob, factsOf, listBlobs } from './reading.ts';

const group = 'content';

const roundTrip: Law<'blob-store'> = {
  id: 'BL-01',
  kind: 'blob-store',
  group,
  title: 'what was put comes back byte for byte, and a static key is its sha256',
  why: 'A file that comes back changed, or under another name than its hash, is lost.',
  floors: { 'chunked sources': { count: 4 } },
  run: (context) =>
    context.check(
      fc.record({ size: sizeArbitrary(200_000), cuts: cutsArbitrary, stated: fc.boolean() }),
      async ({ size, cuts, stated }, run) => {
        const { store } = await context.shared();
        const root = rootOf(run.fresh('r'));
        const bytes = contentOf(size, size);
        run.count('chunked sources', cuts.length > 0);
        for (const key of [keyOfContent(bytes), mutableKey(1)]) {
          run.say(`put ${key}  ${brief(bytes)} in ${cuts.length + 1} chunks`);
          const info = await store.put(root, key, chunkedSource(bytes, cuts, stated));
          const found = await expectBlob(store, root, key, bytes, `get ${key}`);
          same(factsOf(info), factsOf(found), 'what put told, beside get');
          const again = await store.put(root, key, chunkedSource(bytes, [], stated));
          same(again.sha256, info.sha256, 'sha256 told by a put of the same content');
        }
        same((await listBlobs(store, root)).length, 2, 'blobs listed');
      },
      { runs: 15 },
    ),
};

const wrongHash: Law<'blob-store'> = {
  id: 'BL-02',
  kind: 'blob-store',
  group,
  title: 'a static key takes only content with its sha256: anything else is `invalid` and leaves nothing',
  why: 'Whoever may put could plant other bytes under a hash that everybody trusts.',
  run: (context) =>
    context.check(
      fc.record({ size: sizeArbitrary(70_000), how: fc.nat(3), stated: fc.boolean(), cuts: cutsArbitrary }),
      async ({ size, how, stated, cuts }, run) => {
        const { store } = await context.shared();
        const root = rootOf(run.fresh('r'));
        const good = contentOf(7, size);
        const wrong = [
          contentOf(8, size + 1),
          Buffer.concat([good, new Uint8Array(1)]),
          good.subarray(1),
          new Uint8Array(size === 0 ? 1 : 0),
        ];
        const other = wrong[size === 0 && how === 2 ? 0 : how] as Uint8Array;
        const key = keyOfContent(good);
        run.say(`put ${key}  with other content, ${brief(other)}`);
        await refused(store.put(root, key, chunkedSource(other, cuts, stated)), 'put of other content', 'invalid');
        await expectNoBlob(store, root, key, 'after the refusal');
        await store.put(root, key, plainSource(good));
        run.say('put the right content, then the other again');
        await refused(store.put(root, key, chunkedSource(other, cuts, stated)), 'put of other content over the right one', 'invalid');
        await expectBlob(store, root, key, good, 'after both');
      },
      { runs: 12 },
    ),
};

const atRest: Law<'blob-store'> = {
  id: 'BL-03',
  kind: 'blob-store',
  group,
  title: 'content that was changed at rest is `corrupt`, never delivered whole; cut content never ends a read early as if it were all',
  why: 'Disks rot and people edit folders: an app that gets other bytes than it stored spreads them.',
  tools: ['raw cells'],
  floors: { 'content found at rest': { share: 1 } },
  run: (context) =>
    context.check(
      fc.record({ size: fc.constantFrom(1, 2, 300, 65_537, 200_000), how: fc.nat(3), at: fc.nat(999), fixed: fc.boolean() }),
      async ({ size, how, at, fixed }, run) => {
        const room = await context.shared();
        const root = rootOf(run.fresh('r'));
        const bytes = contentOf(at, size);
        const key = fixed ? keyOfContent(bytes) : mutableKey(3);
        const sibling = mutableKey(4);
        await room.store.put(root, key, plainSource(bytes));
        await room.store.put(root, sibling, plainSource(contentOf(at + 1, 100)));
        const cells = await context.subject.cells!(room.place);
        const [name, cell] = [...(await cells.read())].find(([, content]) => Buffer.from(content).equals(bytes)) ?? [];
        run.count('content found at rest', name !== undefined);
        if (name === undefined || cell === undefined) return;
        const { words, damaged } = damage(cell, how, at);
        run.say(`${words} in ${brief(bytes)} at rest`);
        await cells.write(name, damaged);
        await expectNoOtherBytes(() => expectBlob(room.store, root, key, bytes, 'get of damaged content'));
        if (damaged.length < bytes.length)
          await expectNoOtherBytes(async () => {
            const part = await room.store.get(root, key, { range: { suffix: 1 } });
            same(part && (await bytesOf(part.body)).at(-1), bytes.at(-1), 'last byte of cut content');
          });
        await expectBlob(room.store, root, sibling, contentOf(at + 1, 100), 'another blob');
      },
      { runs: 30 },
    ),
};

function damage(cell: Uint8Array, how: number, at: number): { readonly words: string; readonly damaged: Uint8Array } {
  const place = at % cell.length;
  switch (how) {
    case 0: {
      const damaged = cell.slice();
      damaged[place] = (damaged[place] as number) ^ (1 << (at % 8));
      return { words: `one bit flipped at ${place}`, damaged };
    }
    case 1:
      return { words: `cut after ${place}`, damaged: cell.slice(0, place) };
    case 2:
      return { words: 'extended by one byte', damaged: Buffer.concat([cell, new Uint8Array(1)]) };
    default:
      return {
        words: `bytes from ${place} on zeroed and one set`,
        damaged: Uint8Array.from(cell, (byte, i) => (i < place ? byte : i === place ? byte ^ 1 : 0)),
      };
  }
}

/** Either the right bytes came all the same, or the store said `corrupt`. */
async function expectNoOtherBytes(read: () => Promise<unknown>): Promise<void> {
  const outcome = await settle(read);
  if (outcome.ok) return;
  await refused(Promise.reject(outcome.error), 'reading damaged content', 'corrupt');
}

const sizes: Law<'blob-store'> = {
  id: 'BL-04',
  kind: 'blob-store',
  group,
  title: 'every size from nothing to the limit is kept, one byte more is `too_large`',
  why: "Stores that work in chunks lose the empty file, or a byte at a chunk's border.",
  run: async (context) => {
    const { store } = await context.shared();
    const root = rootOf('sizes');
    const tried = context.profile === 'full' ? [...edgeSizes, ...largeSizes] : [...edgeSizes, 1_048_577];
    const { maxBlobBytes } = store.capabilities;
    for (const size of tried.filter((one) => one <= maxBlobBytes))
      await context.example(async (run) => {
        const bytes = contentOf(1, size);
        run.say(`put ${size} bytes`);
        await store.put(root, mutableKey(size), chunkedSource(bytes, [1, 333, 334, 999], size % 2 === 0));
        await expectBlob(store, root, mutableKey(size), bytes, `a blob of ${size} bytes`);
      });
    if (!Number.isSafeInteger(maxBlobBytes + 1)) return;
    await context.example(async (run) => {
      run.say(`put a source that states ${maxBlobBytes + 1} bytes`);
      const source = { ...plainSource(new Uint8Array(10)), sizeBytes: maxBlobBytes + 1 };
      await refused(store.put(root, mutableKey(1), source), 'put beyond the limit', 'too_large');
      await expectBlob(store, root, mutableKey(1), contentOf(1, 1), 'the blob that was there');
    });
    if (maxBlobBytes > context.size(1, 128) * 1024 * 1024) return;
    await context.example(async (run) => {
      run.say(`put ${maxBlobBytes} bytes, then one more, without stating it`);
      await store.put(root, mutableKey(2 ** 40), chunkedSource(new Uint8Array(maxBlobBytes), [200, 400, 600, 800], false));
      const beyond = chunkedSource(new Uint8Array(maxBlobBytes + 1), [200, 400, 600, 800], false);
      await refused(store.put(root, mutableKey(2 ** 40 + 1), beyond), 'put beyond the limit', 'too_large');
      await expectNoBlob(store, root, mutableKey(2 ** 40 + 1), 'after the refusal');
      same((await store.head(root, mutableKey(2 ** 40)))?.sizeBytes, maxBlobBytes, 'size of a blob at the limit');
    });
  },
};

export const contentLaws: readonly Law<'blob-store'>[] = [roundTrip, wrongHash, atRest, sizes];
