import { createHash } from 'node:crypto';
import { type BlobKey, bytesSource, codecs, encodeOp, parseBlobRoot, parseTreeId, StoreError, staticKey, varKey } from '@spacestore/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Stores } from '../../src/service/stores.ts';
import type { Services } from '../../src/services.ts';
import { identity, makeWorkspace, openStores, servicesOver, w1 } from '../support/services.ts';

const now = 1_700_000_000_000; // of the services' clock
const day = 24 * 3600 * 1000;
const old = now - 40 * day;
const root = parseBlobRoot('owner/w1');
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const keyOf = (text: string): BlobKey => staticKey(hashOf(text));
const uuid = '0f8fad5b-d9cb-469f-a165-70867728950e';

let counter = 0;
const property = (value: unknown) =>
  encodeOp(parseTreeId('t'), { id: { counter: ++counter, peerId: 'p' }, targetId: 'v', key: 'k', value });

async function put({ blobs, files, directory }: Stores, key: BlobKey, text: string, createdAt = old): Promise<void> {
  await blobs.put(root, key, bytesSource(Buffer.from(text)));
  await files.put(w1, { key, sizeBytes: text.length, createdAt, state: 'ready' });
  await directory.addUsage(w1, { fileBytes: text.length, files: 1 }, { fileBytes: 1e9, files: 1e6 });
}

async function scene(): Promise<{ readonly stores: Stores; readonly services: Services }> {
  const stores = openStores();
  const { services } = servicesOver(stores);
  await makeWorkspace(services);
  return { stores, services };
}

const grantOf = (services: Services) => services.gate.authorize(identity('owner'), w1, 'files.delete');
const sweep = async (services: Services, remove: boolean, graceMs = 30 * day) =>
  services.sweep.sweep(await grantOf(services), { graceMs, remove });

describe('files a body mentions', () => {
  const wanted = new Set([keyOf('a'), keyOf('b'), varKey(uuid)]);
  const found = (value: unknown) => [...(codecs['reptree-1'].mentionedFiles?.(property(value).body, wanted) ?? [])].sort();

  it.each<[string, unknown, readonly BlobKey[]]>([
    ['a reference by hash', { name: 'a.png', mimeType: 'image/png', size: 1, hash: hashOf('a') }, [keyOf('a')]],
    ['a reference by id', { name: 'a.png', mimeType: 'image/png', size: 1, id: uuid }, [varKey(uuid)]],
    ['an id without dashes, in capitals', { id: uuid.replaceAll('-', '').toUpperCase() }, [varKey(uuid)]],
    ['several, deep in lists', [[{ x: [{ hash: hashOf('b') }, hashOf('a').toUpperCase()] }]], [keyOf('a'), keyOf('b')].sort()],
    ['as a key of an object', { [hashOf('a')]: 1 }, [keyOf('a')]],
    ['in a text, glued to what is a digit too', `see file${hashOf('a')}fade and ${uuid}!`, [keyOf('a'), varKey(uuid)].sort()],
    ['nothing', { hash: hashOf('c'), id: uuid.replace('0', '1'), text: hashOf('a').slice(1) }, []],
  ])('%s', (_, value, keys) => {
    expect(found(value)).toEqual([...keys]);
  });

  it('are unknown where bodies are opaque', () => {
    expect(codecs.opaque.mentionedFiles).toBeUndefined();
  });
});

describe('a sweep', () => {
  it('tells what no operation refers to, and removes it only when told', async () => {
    const { stores, services } = await scene();
    for (const text of ['referred', 'unused', 'also unused']) await put(stores, keyOf(text), text);
    await put(stores, keyOf('fresh'), 'fresh', now - day);
    await put(stores, varKey(uuid), 'mutable');
    await put(stores, varKey(uuid.replace('0', '1')), 'unused mutable');
    await stores.blobs.put(root, keyOf('no entry'), bytesSource(Buffer.from('no entry'))); // younger than the services' clock
    await stores.files.put(w1, { key: keyOf('on its way'), sizeBytes: 5, createdAt: old, state: 'pending' });
    await stores.ops.append(w1, [property({ hash: hashOf('referred') }), property(`![](${uuid})`)]);
    const unused = [keyOf('unused'), keyOf('also unused'), varKey(uuid.replace('0', '1'))].sort();
    const told = await sweep(services, false);
    expect(told).toEqual({ unused: 3, unusedBytes: 31, keys: unused, removed: 0, removedBytes: 0, records: 2 });
    expect((await stores.files.list(w1, { limit: 100 })).items).toHaveLength(7);
    expect(await sweep(services, true)).toMatchObject({ unused: 3, removed: 3, removedBytes: 31 });
    for (const key of unused) expect([await stores.files.get(w1, key), await stores.blobs.head(root, key)]).toEqual([undefined, undefined]);
    for (const key of [keyOf('referred'), keyOf('fresh'), varKey(uuid)]) expect(await stores.blobs.head(root, key)).toBeDefined();
    expect(await stores.files.get(w1, keyOf('on its way'))).toMatchObject({ state: 'pending' });
    expect(await stores.directory.usage(w1)).toEqual({ files: 3, fileBytes: 20 });
    expect(await sweep(services, true)).toMatchObject({ unused: 0, removed: 0 });
  });

  it('finds bytes that no file has', async () => {
    const { stores, services } = await scene();
    const clocked = {
      ...stores,
      blobs: {
        ...stores.blobs,
        list: async (...args: Parameters<typeof stores.blobs.list>) => {
          const page = await stores.blobs.list(...args);
          return { ...page, items: page.items.map((item) => ({ ...item, modifiedAt: old })) };
        },
      },
    };
    for (const text of ['loose', 'loose but named']) await stores.blobs.put(root, keyOf(text), bytesSource(Buffer.from(text)));
    await stores.ops.append(w1, [property({ hash: hashOf('loose but named') })]);
    expect(await sweep(services, true)).toMatchObject({ unused: 0 }); // too young
    expect(await sweep(servicesOver(clocked).services, true)).toMatchObject({ unused: 1, removed: 1, keys: [keyOf('loose')] });
    expect(await stores.blobs.head(root, keyOf('loose'))).toBeUndefined();
    expect(await stores.files.get(w1, keyOf('loose'))).toBeUndefined();
    expect(await stores.blobs.head(root, keyOf('loose but named'))).toBeDefined();
  });

  it('leaves a file that an operation names at the last moment, and one that is sent again', async () => {
    for (const [name, meddle] of [
      ['named', (stores: Stores) => stores.ops.append(w1, [property({ hash: hashOf('late') })])],
      [
        'sent again',
        async (stores: Stores) => {
          const { services } = servicesOver(stores); // of another server
          const grant = await services.gate.authorize(identity('owner'), w1, 'append');
          await services.files.put(grant, keyOf('late'), { body: bytesSource(Buffer.from('late')).open(), sizeBytes: 4 });
        },
      ],
      [
        'asked for',
        async (stores: Stores) => {
          const { services } = servicesOver(stores);
          const grant = await services.gate.authorize(identity('owner'), w1, 'append');
          expect(await services.direct.grantUpload(grant, keyOf('late'), { sizeBytes: 4 })).toHaveProperty('file');
        },
      ],
    ] as const) {
      const { stores } = await scene();
      await put(stores, keyOf('late'), 'late');
      let met = false;
      const slow: Stores = {
        ...stores,
        ops: {
          ...stores.ops,
          read: async (...args) => {
            const page = await stores.ops.read(...args);
            if (!met) {
              met = true;
              await meddle(stores); // after the log was looked through
            }
            return page;
          },
        },
      };
      expect([name, await sweep(servicesOver(slow).services, true)]).toMatchObject([name, { unused: 1, removed: 0 }]);
      expect([name, await stores.files.get(w1, keyOf('late'))]).toMatchObject([name, { state: 'ready' }]);
      expect([name, await stores.blobs.head(root, keyOf('late'))]).toMatchObject([name, { sizeBytes: 4 }]);
    }
  });

  it('is refused where operations are opaque, and to who may not delete files', async () => {
    const { stores } = await scene();
    await stores.directory.beginDelete(w1);
    await stores.directory.endDelete(w1);
    const { services } = servicesOver(stores);
    await services.workspaces.create(identity('owner'), { id: w1, name: 'x', codec: 'opaque', settings: { relay: true, app: {} } });
    await expect(sweep(services, true)).rejects.toMatchObject({ code: 'unsupported' });
    const grant = { ...(await grantOf(services)), role: 'editor' as const };
    await expect(services.sweep.sweep(grant, { graceMs: 0, remove: false })).rejects.toMatchObject({ code: 'denied' });
  });

  it('takes nothing where the log can not be read', async () => {
    const { stores } = await scene();
    await put(stores, keyOf('kept'), 'kept');
    let reads = 0;
    const failing: Stores = {
      ...stores,
      ops: {
        ...stores.ops,
        read: (...args) => (reads++ > 0 ? Promise.reject(new StoreError('unavailable', 'down')) : stores.ops.read(...args)),
      },
    };
    await expect(sweep(servicesOver(failing).services, true)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await stores.files.get(w1, keyOf('kept'))).toMatchObject({ state: 'ready' });
    expect(await stores.blobs.head(root, keyOf('kept'))).toBeDefined();
  });
});

/** The law of sweeps: an upload that succeeded is a file with its bytes, whatever removed the same content meanwhile, on whatever server. */
describe('an upload beside a sweep on another server', () => {
  /** The same stores, with every call put in an order that fast-check chooses. */
  function scheduled(stores: Stores, scheduler: () => fc.Scheduler, name: string): Stores {
    const through = <Store extends object>(store: Store): Store => {
      const wrapped = Object.entries(store).map(([method, call]: [string, unknown]) => [
        method,
        typeof call !== 'function' || method === 'close'
          ? call
          : async (...args: unknown[]) => {
              await scheduler().schedule(Promise.resolve(), `${name} ${method}`);
              return (call as (...given: unknown[]) => unknown)(...args);
            },
      ]);
      return Object.fromEntries(wrapped) as Store;
    };
    return { ...stores, ops: through(stores.ops), blobs: through(stores.blobs), files: through(stores.files) };
  }

  it('that succeeds is there, and one that was told to come again succeeds then', async () => {
    const met = { swept: 0, kept: 0, busy: 0 };
    let current: fc.Scheduler | undefined;
    const { stores, services: plain } = await scene();
    const server = (name: string): Services => servicesOver(scheduled(stores, () => current as fc.Scheduler, name)).services;
    const [cleaning, sending] = [server('sweep'), server('send')];
    const writer = await plain.gate.authorize(identity('owner'), w1, 'append');
    const cleaner = await grantOf(plain);
    let run = 0;

    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.constantFrom('put' as const, 'grant' as const, 'delete' as const), async (scheduler, way) => {
        current = scheduler;
        const text = `shared ${String(run++).padStart(5, '0')}`;
        const key = keyOf(text);
        await put(stores, key, text);
        const upload = (services: Services) =>
          services.files.put(writer, key, { body: bytesSource(Buffer.from(text)).open(), sizeBytes: text.length });
        const first = way === 'grant' ? sending.direct.grantUpload(writer, key, { sizeBytes: text.length }) : upload(sending);
        const removal =
          way === 'delete' ? cleaning.files.delete(cleaner, key) : cleaning.sweep.sweep(cleaner, { graceMs: 30 * day, remove: true });
        const settled = Promise.allSettled([first, removal]);
        await scheduler.waitFor(settled);
        const [sent, removed] = await settled;
        if (removed.status === 'rejected') throw removed.reason;
        if (removed.value) met[removed.value.removed > 0 ? 'swept' : 'kept']++;
        if (sent.status === 'rejected') {
          expect(sent.reason).toMatchObject({ code: 'busy' });
          met.busy++;
          await upload(plain);
        } else if (way === 'grant' && !('file' in sent.value)) await upload(plain);
        // A removal that was asked for may have come after the upload: then the file is gone altogether, never half.
        const [entry, info] = [await stores.files.get(w1, key), await stores.blobs.head(root, key)];
        expect({ entry: entry?.state, bytes: info?.sizeBytes }).toEqual(
          entry || way !== 'delete' ? { entry: 'ready', bytes: text.length } : { entry: undefined, bytes: undefined },
        );
        expect(await stores.directory.usage(w1)).toEqual(entry ? { files: 1, fileBytes: text.length } : { files: 0, fileBytes: 0 });
        await plain.files.delete(cleaner, key);
      }),
      { numRuns: 400, seed: 20_261_127 },
    );
    for (const [what, times] of Object.entries(met)) expect([what, times > 15]).toEqual([what, true]);
  });
});
