import { type BlobKey, type BlobRoot, type BlobStore, hasCode, kindOfKey, StoreError } from '@spacestore/core';
import { contentOf, keyOfContent, mutableKey, rootOf } from '../gen/blob-store.ts';
import { type BlobMutant, drained, sourceOf } from './blob-mutant.ts';

const root = rootOf('w');
const one = mutableKey(1);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const put = (store: BlobStore, key: BlobKey, value: string, at: BlobRoot = root): Promise<unknown> =>
  store.put(at, key, sourceOf(text(value)));
const bytesAt = async (store: BlobStore, key: BlobKey, range = {}): Promise<string | undefined> => {
  const content = await store.get(root, key, range);
  return content && Buffer.from(await drained({ open: () => content.body })).toString();
};
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const tells = async (call: Promise<unknown>, ...codes: Parameters<typeof hasCode>[1][]): Promise<boolean> =>
  call.then(
    () => false,
    (error: unknown) => hasCode(error, ...codes),
  );

/** Overwrites in two steps that others see between. */
const inTwoSteps =
  (first: (base: BlobStore, at: BlobRoot, key: BlobKey, bytes: Uint8Array) => Promise<unknown>): BlobMutant['make'] =>
  (base) => ({
    ...base,
    put: async (at, key, source, options, call) => {
      if (kindOfKey(key) === 'static' || options?.ifMatch !== undefined || options?.ifNoneMatch !== undefined)
        return await base.put(at, key, source, options, call);
      const bytes = await drained(source);
      if (source.sizeBytes !== undefined && source.sizeBytes !== bytes.length) throw new StoreError('invalid', 'another length');
      if ((await base.head(at, key)) !== undefined) {
        await first(base, at, key, bytes);
        for (let i = 0; i < 3; i++) await turn();
      }
      return await base.put(at, key, sourceOf(bytes), options, call);
    },
  });

/** What a reader sees while a file is replaced. */
const whileReplaced = async (store: BlobStore): Promise<string | undefined> => {
  await put(store, one, 'old old old');
  const replacing = put(store, one, 'new new new');
  const seen: (string | undefined)[] = [];
  for (let i = 0; i < 4; i++) {
    seen.push(await bytesAt(store, one));
    await turn();
  }
  await replacing;
  return seen.find((each) => each !== 'old old old' && each !== 'new new new') ?? (seen.includes(undefined) ? 'missing' : undefined);
};

/** Broken blob stores. */
export const blobMutants: readonly BlobMutant[] = [
  {
    id: 'M107',
    what: 'trusts the claimed hash',
    law: 'BL-02',
    make: (base) => {
      const claimed = new Map<string, BlobKey>(); // a static key → the mutable one its content lies under
      const real = (at: BlobRoot, key: BlobKey): BlobKey => claimed.get(`${at}:${key}`) ?? key;
      return {
        ...base,
        put: async (at, key, source, options, call) => {
          try {
            return await base.put(at, key, source, options, call);
          } catch (error) {
            if (!hasCode(error, 'invalid') || kindOfKey(key) !== 'static') throw error;
            const hidden = `var/${key.slice(7, 39)}` as BlobKey;
            const info = await base.put(at, hidden, source, {}, call);
            claimed.set(`${at}:${key}`, hidden);
            return { ...info, key };
          }
        },
        get: (at, key, options, call) => base.get(at, real(at, key), options, call),
        head: (at, key, call) => base.head(at, real(at, key), call),
      };
    },
    witness: async (store) => !(await tells(put(store, keyOfContent(text('right')), 'wrong'), 'invalid')),
  },
  {
    id: 'M109',
    what: 'overwrites by truncating, then writing',
    law: 'BL-09',
    make: inTwoSteps((base, at, key, bytes) => base.put(at, key, sourceOf(bytes.subarray(0, bytes.length / 2)))),
    witness: async (store) => (await whileReplaced(store)) !== undefined,
  },
  {
    id: 'M110',
    what: 'overwrites by deleting, then putting',
    law: 'BL-09',
    make: inTwoSteps((base, at, key) => base.delete(at, key)),
    witness: async (store) => (await whileReplaced(store)) === 'missing',
  },
  {
    id: 'M111',
    what: "a range's last byte is taken as exclusive",
    law: 'BL-08',
    make: (base) => ({
      ...base,
      get: (at, key, options, call) => {
        const range = options?.range;
        const cut =
          range && 'first' in range && range.last !== undefined && range.last > range.first
            ? { first: range.first, last: range.last - 1 }
            : range;
        return base.get(at, key, cut ? { range: cut } : {}, call);
      },
    }),
    witness: async (store) => {
      await put(store, one, 'abcdef');
      return (await bytesAt(store, one, { range: { first: 1, last: 3 } })) === 'bc';
    },
  },
  {
    id: 'M112',
    what: 'a suffix longer than the blob is an error',
    law: 'BL-08',
    make: (base) => ({
      ...base,
      get: async (at, key, options, call) => {
        const range = options?.range;
        const size = (await base.head(at, key, call))?.sizeBytes;
        if (range && 'suffix' in range && size !== undefined && range.suffix > size) throw new StoreError('invalid', 'not satisfiable');
        return await base.get(at, key, options, call);
      },
    }),
    witness: async (store) => {
      await put(store, one, 'abc');
      return await tells(store.get(root, one, { range: { suffix: 9 } }), 'invalid');
    },
  },
  {
    id: 'M113',
    what: 'an empty blob is not found',
    law: 'BL-04',
    make: (base) => ({
      ...base,
      get: async (at, key, options, call) => {
        const content = await base.get(at, key, options, call);
        return content?.info.sizeBytes === 0 ? undefined : content;
      },
      head: async (at, key, call) => {
        const info = await base.head(at, key, call);
        return info?.sizeBytes === 0 ? undefined : info;
      },
    }),
    witness: async (store) => {
      await put(store, one, '');
      return (await store.head(root, one)) === undefined;
    },
  },
  {
    id: 'M114',
    what: 'a part of a source that breaks is kept',
    law: 'BL-05',
    make: (base) => ({
      ...base,
      put: async (at, key, source, options, call) => {
        const chunks: Uint8Array[] = [];
        try {
          return await base.put(at, key, { ...source, open: () => noting(source.open(), chunks) }, options, call);
        } catch (error) {
          if (kindOfKey(key) === 'var' && chunks.length > 0 && !hasCode(error, 'conflict', 'too_large', 'closed', 'invalid', 'aborted'))
            await base.put(at, key, sourceOf(Buffer.concat(chunks)));
          throw error;
        }
      },
    }),
    witness: async (store) => {
      const broken = {
        open: async function* () {
          yield text('half');
          throw new Error('broke');
        },
      };
      await store.put(root, one, broken).catch(() => undefined);
      return (await store.head(root, one)) !== undefined;
    },
  },
  {
    id: 'M119',
    what: 'reads a consumed stream a second time and stores an empty blob',
    law: 'BL-01',
    make: (base) => ({
      ...base,
      put: async (at, key, source, options, call) => {
        if (kindOfKey(key) === 'static' || source.sizeBytes !== undefined) return await base.put(at, key, source, options, call);
        const stream = source.open();
        for await (const _ of stream); // "how long is it?"
        return await base.put(at, key, { open: () => stream }, options, call);
      },
    }),
    witness: async (store) => {
      const { open } = sourceOf(text('content'));
      await store.put(root, one, { open });
      return (await bytesAt(store, one)) === '';
    },
  },
  {
    id: 'M120',
    what: 'changed content at rest is delivered',
    law: 'BL-03',
    make: (base) => ({
      ...base,
      // A range is not checked by the base, so a whole read by range is the store that checks nothing.
      get: async (at, key, options, call) => {
        const info = await base.head(at, key, call);
        const content = info && (await base.get(at, key, options?.range ? options : { range: { first: 1 } }, call));
        if (!content || options?.range || info.sizeBytes === 0) return await base.get(at, key, options, call);
        const first = await base.get(at, key, { range: { first: 0, last: 0 } }, call);
        if (info.sizeBytes === 1 || !first) return { ...content, offset: 0, sizeBytes: 1, body: first?.body ?? content.body };
        return { ...content, offset: 0, sizeBytes: info.sizeBytes, body: joined(first.body, content.body) };
      },
    }),
    witness: async () => true, // needs a hand on the bytes at rest: the law itself shows it
  },
  {
    id: 'M121',
    what: 'lists and drops by a prefix without its delimiter',
    law: 'BL-11',
    make: (base) => {
      const roots = new Set<BlobRoot>();
      return {
        ...base,
        put: async (at, key, source, options, call) => {
          const info = await base.put(at, key, source, options, call);
          roots.add(at);
          return info;
        },
        list: async (at, query, call) => {
          const own = await base.list(at, query, call);
          const taken = [...roots].filter((each) => each !== at && each.startsWith(at));
          const others = await Promise.all(taken.map((each) => base.list(each, query, call)));
          const items = [...own.items, ...others.flatMap((page) => page.items)].sort((a, b) => (a.key < b.key ? -1 : 1));
          return { ...own, items: items.filter((item, i) => item.key !== items[i - 1]?.key).slice(0, query.limit) };
        },
      };
    },
    witness: async (store) => {
      await put(store, one, 'theirs', rootOf('w10'));
      return (await store.list(root, { limit: 9 })).items.length === 1;
    },
  },
  {
    id: 'M122',
    what: 'resolves `..` in a root',
    law: 'BL-13',
    make: (base) => {
      const resolved = (at: BlobRoot): BlobRoot => {
        if (typeof at !== 'string' || !at.includes('..')) return at;
        const out: string[] = [];
        for (const part of String(at).split('/')) {
          if (part === '..') out.pop();
          else out.push(part);
        }
        return out.join('/') as BlobRoot;
      };
      return {
        ...base,
        put: (at, key, source, options, call) => base.put(resolved(at), key, source, options, call),
        get: (at, key, options, call) => base.get(resolved(at), key, options, call),
        drop: (at, call) => base.drop(resolved(at), call),
      };
    },
    witness: async (store) => !(await tells(put(store, one, 'x', 'a/../w' as BlobRoot), 'invalid')),
  },
  {
    id: 'M126',
    what: 'folds the case of keys',
    law: 'BL-13',
    make: (base) => ({
      ...base,
      head: (at, key, call) => base.head(at, (typeof key === 'string' ? key.toLowerCase() : key) as BlobKey, call),
    }),
    witness: async (store) => !(await tells(store.head(root, `var/${'A'.repeat(32)}` as BlobKey), 'invalid')),
  },
  {
    id: 'M127',
    what: 'shares content by hash and deletes it for every root',
    law: 'BL-12',
    make: (base) => {
      const roots = new Set<BlobRoot>();
      return {
        ...base,
        put: async (at, key, source, options, call) => {
          const info = await base.put(at, key, source, options, call);
          roots.add(at);
          return info;
        },
        delete: async (at, key, options, call) => {
          await base.delete(at, key, options, call);
          if (kindOfKey(key) === 'static') for (const each of roots) await base.delete(each, key);
        },
      };
    },
    witness: async (store) => {
      const key = keyOfContent(contentOf(1, 10));
      for (const at of [root, rootOf('w2')]) await store.put(at, key, sourceOf(contentOf(1, 10)));
      await store.delete(rootOf('w2'), key);
      return (await store.head(root, key)) === undefined;
    },
  },
  {
    id: 'M128',
    what: 'temporary files of failed puts are never collected',
    law: 'BL-20',
    make: (base, { beside }) => ({
      ...base,
      put: async (at, key, source, options, call) => {
        const name = `tmp-${beside.size}`;
        const chunks: Uint8Array[] = [];
        const write = async function* (): AsyncGenerator<Uint8Array> {
          for await (const chunk of noting(source.open(), chunks)) {
            beside.set(name, Buffer.concat(chunks));
            yield chunk;
          }
        };
        const info = await base.put(at, key, { ...source, open: write }, options, call);
        beside.delete(name);
        return info;
      },
    }),
    witness: async (store, { beside }) => {
      await put(store, keyOfContent(text('right')), 'wrong').catch(() => undefined);
      return beside.size > 0;
    },
  },
  {
    id: 'M129',
    what: 'checks the version before it reads the source, and not again',
    law: 'BL-09',
    make: (base) => ({
      ...base,
      put: async (at, key, source, options, call) => {
        if (kindOfKey(key) === 'static' || options?.ifMatch === undefined) return await base.put(at, key, source, options, call);
        if ((await base.head(at, key))?.version !== options.ifMatch) throw new StoreError('conflict', 'another version');
        return await base.put(at, key, source, {}, call);
      },
    }),
    witness: async (store) => {
      const info = await store.put(root, one, sourceOf(text('old')));
      const writers = ['a', 'b'].map((value) => tells(store.put(root, one, sourceOf(text(value)), { ifMatch: info.version }), 'conflict'));
      return !(await Promise.all(writers)).includes(true);
    },
  },
  {
    id: 'M161',
    what: 'takes a server that can not answer for one that has nothing',
    law: 'BL-16',
    make: (base) => ({
      ...base,
      get: (at, key, options, call) =>
        base.get(at, key, options, call).catch((error: unknown) => {
          if (hasCode(error, 'busy', 'unavailable')) return undefined;
          throw error;
        }),
    }),
    witness: async (store, { wire }) => {
      await put(store, one, 'content');
      wire.arm('request lost', 0);
      const seen = await bytesAt(store, one).catch(() => 'an error');
      wire.disarm();
      return seen === undefined;
    },
  },
  {
    id: 'M162',
    what: 'ends a body that broke off as if it were whole',
    law: 'BL-16',
    make: (base) => ({
      ...base,
      get: async (at, key, options, call) => {
        const content = await base.get(at, key, options, call);
        return content && { ...content, body: quietly(content.body) };
      },
    }),
    witness: async (store, { wire }) => {
      await put(store, one, 'content');
      wire.arm('body cut', 0);
      const seen = await bytesAt(store, one).catch(() => 'an error');
      wire.disarm();
      return seen === ''; // the last piece is held back until all is proved
    },
  },
  {
    id: 'M163',
    what: 'tells from memory what a blob is, and forgets it only when a put succeeded',
    law: 'BL-17',
    make: (base) => {
      const heads = new Map<string, Awaited<ReturnType<BlobStore['head']>>>();
      const forget = <Result>(result: Result): Result => {
        heads.clear();
        return result;
      };
      return {
        ...base,
        head: async (at, key, call) => {
          const name = `${at}:${key}`;
          if (!heads.has(name)) heads.set(name, await base.head(at, key, call));
          return heads.get(name);
        },
        put: async (...args) => forget(await base.put(...args)),
        delete: async (...args) => forget(await base.delete(...args)),
        drop: async (...args) => forget(await base.drop(...args)),
      };
    },
    witness: async (store, { wire }) => {
      await put(store, one, 'old');
      await store.head(root, one);
      wire.arm('reply lost', 0);
      await put(store, one, 'longer').catch(() => undefined);
      wire.disarm();
      return (await store.head(root, one))?.sizeBytes === 3;
    },
  },
];

async function* noting(stream: AsyncIterable<Uint8Array>, chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    chunks.push(chunk.slice());
    yield chunk;
  }
}

async function* joined(...bodies: readonly AsyncIterable<Uint8Array>[]): AsyncGenerator<Uint8Array> {
  for (const body of bodies) yield* body;
}

async function* quietly(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  for (;;) {
    const next = await chunks.next().catch(() => ({ done: true, value: undefined }) as const);
    if (next.done === true) return;
    yield next.value;
  }
}
