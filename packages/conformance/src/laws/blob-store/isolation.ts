import { type BlobKey, type BlobRoot, type BlobStore, type ByteSource, staticKey } from '@spacestore/core';
import { digestOf } from '../../check/digest.ts';
import { refused, same, show } from '../../check/expect.ts';
import { contentOf, keyOfContent, mutableKey, plainSource, rootOf } from '../../gen/blob-store.ts';
import type { Law } from '../../spec/law.ts';
import { expectRoot } from './reading.ts';

const escapes = [
  '..',
  '.',
  '../kit/victim',
  'kit/../kit/victim',
  '%2e%2e',
  '%2e%2e/victim',
  '..%2fvictim',
  '..\\victim',
  '\\',
  '/',
  '//',
  '/etc',
  'kit//victim',
  'C:\\',
  'c:',
  '~',
];
const texts = [
  '',
  ' ',
  'kit/victim ',
  ' kit/victim',
  'kit/victim\n',
  'kit/victim\0',
  '\0',
  'kit/\u200dvictim',
  'kit/víctim',
  'kit/victim.',
  'kit/victim/',
  '/kit/victim',
  'a:b',
  'a*',
  'a?',
  'a%',
  '$' + '{x}',
  "';--",
  'con.txt',
];

/** Roots that are none: each must be refused, never folded or cut into another one. */
export const hostileRoots: readonly unknown[] = [
  ...escapes,
  ...texts,
  'x'.repeat(129),
  'a/b/c/d/e/f/g/h/i',
  'a/'.repeat(600),
  undefined,
  null,
  7,
  ['kit/victim'],
  { toString: () => 'kit/victim' },
];

const hash = digestOf(contentOf(1, 1));
const uuid = '00000000000040008000000000000001';

/** Keys that are none. */
export const hostileKeys: readonly unknown[] = [
  ...escapes,
  ...texts,
  hash,
  uuid,
  `static/${hash.toUpperCase()}`,
  `static/${hash.slice(1)}`,
  `static/${hash}0`,
  `static/${hash}\n`,
  `static/${hash}\0.jpg`,
  `static/${hash.slice(0, 2)}/${hash.slice(2)}`,
  `static/../var/${uuid}`,
  `static/..%2f${hash.slice(5)}`,
  `static/${'.'.repeat(64)}`,
  `static/${'../'.repeat(21)}x`,
  `Static/${hash}`,
  `var/${uuid.toUpperCase()}A`,
  `var/${hash}`,
  `static/${uuid}`,
  `var/00000000-0000-4000-8000-000000000001`,
  `var/../../victim/files/var/00/${uuid.slice(2)}`,
  `tmp/${uuid}`,
  `var/con`,
  'x'.repeat(1024),
  undefined,
  null,
  { toString: () => `var/${uuid}` },
];

const calls: Readonly<Record<string, (store: BlobStore, root: BlobRoot, key: BlobKey, source: ByteSource) => Promise<unknown>>> = {
  put: (store, root, key, source) => store.put(root, key, source),
  get: (store, root, key) => store.get(root, key),
  head: (store, root, key) => store.head(root, key),
  delete: (store, root, key) => store.delete(root, key),
};
const rootCalls: Readonly<Record<string, (store: BlobStore, root: BlobRoot) => Promise<unknown>>> = {
  list: (store, root) => store.list(root, { limit: 10 }),
  drop: (store, root) => store.drop(root),
};

const hostile: Law<'blob-store'> = {
  id: 'BL-13',
  kind: 'blob-store',
  group: 'isolation',
  title: 'roots and keys outside the grammar are `invalid` to every call, and no call touches another root',
  why: "One tenant must not read, replace or delete another's files, whatever it sends as a name.",
  run: async (context) => {
    const { store } = await context.shared();
    const victims = ['victim', 'victim0', 'victim-2', 'vic/tim'].map(rootOf);
    const model = new Map(
      victims.map((root, i) => [
        root,
        new Map([
          [mutableKey(1), contentOf(i, 50)],
          [keyOfContent(contentOf(1, 1)), contentOf(1, 1)],
        ]),
      ]),
    );
    for (const [root, blobs] of model) for (const [key, bytes] of blobs) await store.put(root, key, plainSource(bytes));
    const refuse = (what: string, call: () => Promise<unknown>): Promise<void> =>
      context.example(async (run) => {
        run.say(what);
        await refused((async () => call())(), what, 'invalid');
      });
    for (const root of hostileRoots) {
      for (const [name, call] of Object.entries(rootCalls)) await refuse(`${name} root ${show(root)}`, () => call(store, root as BlobRoot));
      for (const [name, call] of Object.entries(calls))
        await refuse(`${name} root ${show(root)}`, () => call(store, root as BlobRoot, mutableKey(1), plainSource(contentOf(66, 6))));
    }
    for (const key of hostileKeys)
      for (const at of [victims[0] as BlobRoot, rootOf('never-used')])
        for (const [name, call] of Object.entries(calls))
          await refuse(`${name} key ${show(key)} in ${at}`, () => call(store, at, key as BlobKey, plainSource(contentOf(1, 1))));
    await context.example(async (run) => {
      run.say('the roots beside it, afterwards');
      for (const root of victims) await expectRoot(store, model, root, root);
      run.say('two roots that differ in case alone hold different blobs');
      const [lower, upper] = [rootOf('case/ab'), rootOf('case/AB')];
      await store.put(lower, mutableKey(1), plainSource(contentOf(1, 10)));
      same(await store.head(upper, mutableKey(1)), undefined, 'head in the root of other case');
      await store.put(upper, mutableKey(1), plainSource(contentOf(2, 10)));
      await store.drop(upper);
      same((await store.head(lower, mutableKey(1)))?.sha256, digestOf(contentOf(1, 10)), 'sha256 in the first root');
      const device = rootOf('con/nul/aux');
      await store.put(device, staticKey(hash), plainSource(contentOf(1, 1)));
      same((await store.head(device, staticKey(hash)))?.sizeBytes, 1, 'size of a blob under names that are devices elsewhere');
      run.say('drop of a root whose name begins another');
      await store.drop(victims[0] as BlobRoot);
      for (const root of victims.slice(1)) await expectRoot(store, model, root, `${root} after the drop`);
    });
  },
};

export const isolationLaws: readonly Law<'blob-store'>[] = [hostile];
