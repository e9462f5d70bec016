import { parsePeerId, parseSecretName, StoreError } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { copyWorkspace } from '../../src/copy/copy-workspace.ts';
import type { Stores } from '../../src/service/stores.ts';
import { ann, bob, cat, contentOf, fill, history, memoryPlace, mutable, putMutable, putStatic, root, sqlitePlace, w1 } from './scene.ts';

const once = { switch: false };
const last = { switch: true };

describe('a copy of a workspace', () => {
  it('is what its source is, in any engine and over several', async () => {
    const [first, second, third] = [await sqlitePlace(), memoryPlace(), await sqlitePlace()];
    await fill(first);
    const there = await copyWorkspace(first, second, w1, once);
    expect(there).toMatchObject({ records: 1708, files: 5, fileBytes: 300_012, secrets: 2, switched: false });
    const content = await contentOf(first);
    expect(await contentOf(second)).toEqual(content);
    const back = await copyWorkspace(second, third, w1, last);
    expect(back.digest).toBe(there.digest);
    expect(await contentOf(third)).toEqual(content);
  });

  it('of an empty workspace has an empty log, and one of a workspace that has lost its log is refused', async () => {
    const [source, target, other] = [memoryPlace(), memoryPlace(), memoryPlace()];
    const workspace = { id: w1, name: 'Chats', owner: ann, codec: 'opaque', blobRoot: root, settings: { relay: true, app: {} } } as const;
    await source.directory.create(workspace);
    await source.ops.fence(w1, 1);
    expect(await copyWorkspace(source, target, w1, once)).toMatchObject({ records: 0 });
    expect(await target.ops.head(w1)).toMatchObject({ records: 0 });
    await source.ops.drop(w1);
    await expect(copyWorkspace(source, other, w1, once)).rejects.toMatchObject({ code: 'corrupt' });
    expect(await other.directory.get(w1)).toBeUndefined();
  });

  it('follows a source that is written to, and has all of it after the switch', async () => {
    const [source, target] = [await sqlitePlace(), memoryPlace()];
    await fill(source);
    const more = history('fastify-history').slice(0, 300);
    let sent = 0;
    const busy: Stores = {
      ...source,
      ops: {
        ...source.ops,
        read: async (...args) => {
          const page = await source.ops.read(...args);
          if (sent < 200) await source.ops.append(w1, more.slice(sent, sent + 20), { via: bob });
          sent += 20;
          return page;
        },
      },
    };
    const copied = await copyWorkspace(busy, target, w1, once);
    expect(copied.records).toBe(1708 + 200);
    await source.ops.append(w1, more.slice(200), {});
    await putStatic(source, 'late');
    await putMutable(source, 'third');
    await source.files.delete(w1, (await source.files.list(w1, { kind: 'static', limit: 1 })).items[0]?.key as typeof mutable);
    await source.secrets.set(w1, parseSecretName('key'), Buffer.from('newer'), { ifVersion: 3, writeId: 'n' });
    await source.secrets.delete(w1, parseSecretName('other'), { ifVersion: 1, writeId: 'd' });
    await source.directory.setMember(w1, cat, undefined);
    await source.directory.setMember(w1, bob, 'admin');
    await source.directory.bindPeers(w1, bob, [parsePeerId('p9')], 10);
    await source.directory.update(w1, { name: 'Renamed' });
    const moved = await copyWorkspace(source, target, w1, last);
    expect(moved).toMatchObject({ records: 2008, switched: true });
    const { stored, ...rest } = await contentOf(source);
    expect(stored).toHaveLength(6); // the source keeps the bytes of the file whose entry went
    expect(await contentOf(target)).toMatchObject(rest);
    // From here on the old place takes nothing, whatever its directory says.
    const epoch = await source.directory.setMember(w1, cat, 'editor');
    await expect(source.ops.append(w1, more.slice(0, 1), { ifEpoch: epoch })).rejects.toMatchObject({ code: 'denied' });
    expect(await copyWorkspace(source, target, w1, last)).toMatchObject({ records: 2008 }); // said twice it stays so
  });

  it('goes on where it was cut off, wherever that was', async () => {
    const source = memoryPlace();
    await fill(source);
    const content = await contentOf(source);
    const target = memoryPlace();
    let left = 0;
    const cut = <Store extends object>(store: Store, changes: readonly (keyof Store)[]): Store => {
      const cutStore = { ...store };
      for (const name of changes)
        cutStore[name] = ((...args: unknown[]) =>
          left-- > 0
            ? (store[name] as (...given: unknown[]) => Promise<unknown>)(...args)
            : Promise.reject(new StoreError('unavailable', 'cut'))) as Store[typeof name];
      return cutStore;
    };
    const cutting: Stores = {
      ops: cut(target.ops, ['append']),
      blobs: cut(target.blobs, ['put', 'delete']),
      files: cut(target.files, ['replace']),
      secrets: cut(target.secrets, ['set', 'delete']),
      directory: cut(target.directory, ['create', 'setMember', 'bindPeers', 'audit']),
    };
    let cuts = 0;
    for (;;) {
      left = 3;
      try {
        await copyWorkspace(source, cutting, w1, once);
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: 'unavailable' });
        cuts++;
      }
    }
    expect(cuts).toBeGreaterThan(20);
    expect(await contentOf(target)).toEqual(content);
  });

  it('is never mixed with another history', async () => {
    const [source, target] = [memoryPlace(), memoryPlace()];
    await fill(source);
    const records = history('sila-chats');
    const cases: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['other records', () => target.ops.append(w1, records.slice(5, 10))],
      ['the same records at other times', () => target.ops.append(w1, records.slice(0, 3), { receivedAt: 5 })],
    ];
    for (const [name, prepare] of cases) {
      await target.ops.drop(w1);
      await prepare();
      const before = (await target.ops.head(w1))?.records;
      await expect([name, copyWorkspace(source, target, w1, once)][1]).rejects.toMatchObject({ code: 'conflict' });
      expect([name, (await target.ops.head(w1))?.records]).toEqual([name, before]);
    }
    await target.ops.drop(w1);
    await copyWorkspace(source, target, w1, once);
    await target.ops.append(w1, history('fastify-history').slice(0, 1));
    await expect(copyWorkspace(source, target, w1, once)).rejects.toMatchObject({ code: 'conflict' });
    const elsewhere = memoryPlace();
    await elsewhere.directory.create({
      id: w1,
      name: 'x',
      owner: ann,
      codec: 'opaque',
      blobRoot: root,
      settings: { relay: true, app: {} },
    });
    await expect(copyWorkspace(source, elsewhere, w1, once)).rejects.toMatchObject({ code: 'conflict' });
    expect(await elsewhere.ops.head(w1)).toBeUndefined();
  });

  it('is found out where the target keeps something else than it was given', async () => {
    const source = memoryPlace();
    await fill(source);
    const target = memoryPlace();
    const lying: Stores = {
      ...target,
      ops: {
        ...target.ops,
        read: async (...args) => {
          const page = await target.ops.read(...args);
          return {
            ...page,
            records: page.records.map((record, i) => (i === 700 ? { ...record, receivedAt: record.receivedAt + 1 } : record)),
          };
        },
      },
    };
    await expect(copyWorkspace(source, lying, w1, once)).rejects.toMatchObject({ code: 'corrupt' });
    const losing: Stores = {
      ...target,
      blobs: { ...target.blobs, head: async (...args) => ({ ...(await target.blobs.head(...args)), sha256: 'x' }) as never },
    };
    await expect(copyWorkspace(source, losing, w1, last)).rejects.toMatchObject({ code: 'corrupt', context: { files: [mutable] } });
  });

  it('does not begin where the source can not be read', async () => {
    const source = memoryPlace();
    await fill(source);
    const down: Stores = { ...source, ops: { ...source.ops, read: () => Promise.reject(new StoreError('unavailable', 'down')) } };
    const target = memoryPlace();
    await copyWorkspace(source, target, w1, once);
    const before = await contentOf(target);
    await expect(copyWorkspace(down, target, w1, once)).rejects.toMatchObject({ code: 'unavailable' });
    const filesDown: Stores = {
      ...source,
      files: {
        ...source.files,
        list: () => Promise.reject(new StoreError('unavailable', 'down')),
        get: () => Promise.reject(new StoreError('unavailable', 'down')),
      },
    };
    await expect(copyWorkspace(filesDown, target, w1, once)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await contentOf(target)).toEqual(before); // what can't be looked at is not taken for gone
  });
});
