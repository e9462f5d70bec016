import { createHash } from 'node:crypto';
import { parseWorkspaceId, StoreError, staticKey } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { identity, makeWorkspace, openStores, record, servicesOver, w1 } from '../support/services.ts';

const bytes = Buffer.from('content');
const key = staticKey(createHash('sha256').update(bytes).digest('hex'));
async function* chunks() {
  yield bytes;
}

/** Every step of a deletion that can fail. */
const steps = ['ops', 'secrets', 'files', 'blobs', 'directory'] as const;

describe('a deletion', () => {
  it.each(steps)('cut off before %s is ended by the next start, and nothing is left', async (step) => {
    const stores = openStores();
    const dead = () => Promise.reject(new StoreError('unavailable', 'the process died'));
    const failing =
      step === 'directory' ? { directory: { ...stores.directory, endDelete: dead } } : { [step]: { ...stores[step], drop: dead } };
    const { services } = servicesOver({ ...stores, ...failing });
    await makeWorkspace(services, 'ed');
    const grant = await services.gate.authorize(identity('owner'), w1, 'workspace.delete');
    await services.operations.append(grant, [record(1)]);
    await services.files.put(grant, key, { body: chunks() });
    await services.secrets.set(grant, 's' as never, bytes, { ifVersion: 0, writeId: 'a' });
    await expect(services.workspaces.delete(grant)).rejects.toMatchObject({ code: 'unavailable' });

    const restarted = servicesOver(stores).services;
    // From the first moment on nobody is a member, whatever is still there.
    for (const user of ['owner', 'ed'])
      await expect(restarted.gate.authorize(identity(user), w1, 'read')).rejects.toMatchObject({ code: 'not_found' });
    await expect(services.operations.append(grant, [record(2)])).rejects.toMatchObject({ code: 'not_found' });
    expect(await restarted.workspaces.resumeDeletes()).toEqual({ ended: ['w1'], failed: [] });
    expect(await restarted.workspaces.resumeDeletes()).toEqual({ ended: [], failed: [] });
    expect(await stores.ops.head(w1)).toBeUndefined();
    expect(await stores.secrets.getAll(w1)).toEqual([]);
    expect(await stores.files.list(w1, { limit: 10 })).toEqual({ items: [] });
    expect(await stores.blobs.list(grant.entry.blobRoot, { limit: 10 })).toEqual({ items: [] });
    expect(await stores.directory.get(w1)).toBeUndefined();
  });

  it.each(['ops', 'secrets', 'files', 'blobs'] as const)(
    'that slept once it had dropped %s takes nothing of a workspace made again',
    async (step) => {
      const stores = openStores();
      let wake = (): void => expect.unreachable();
      let sleeps = (): void => expect.unreachable();
      const asleep = new Promise<void>((resolve) => (sleeps = resolve));
      const awake = new Promise<void>((resolve) => (wake = resolve));
      const drop = async (...call: readonly unknown[]): Promise<void> => {
        await (stores[step].drop as (...given: readonly unknown[]) => Promise<void>)(...call);
        sleeps();
        await awake;
      };
      const { services } = servicesOver({ ...stores, [step]: { ...stores[step], drop } });
      await makeWorkspace(services);
      const deleting = services.workspaces.delete(await services.gate.authorize(identity('owner'), w1, 'workspace.delete'));
      await asleep;

      const other = servicesOver(stores).services;
      expect(await other.workspaces.resumeDeletes()).toEqual({ ended: ['w1'], failed: [] });
      await makeWorkspace(other);
      const grant = await other.gate.authorize(identity('owner'), w1, 'workspace.delete');
      await other.operations.append(grant, [record(1)]);
      await other.files.put(grant, key, { body: chunks() });
      await other.secrets.set(grant, 's' as never, bytes, { ifVersion: 0, writeId: 'a' });
      wake();
      await deleting;
      expect((await stores.ops.head(w1))?.records).toBe(1);
      expect(await stores.secrets.getAll(w1)).toHaveLength(1);
      expect((await other.files.get(grant, key)).entry.sizeBytes).toBe(bytes.length);
    },
  );

  it('ends an upload under way, which leaves nothing', async () => {
    const stores = openStores();
    const { services } = servicesOver(stores);
    await makeWorkspace(services);
    const grant = await services.gate.authorize(identity('owner'), w1, 'append');
    let started: () => void = () => expect.unreachable();
    const begun = new Promise<void>((resolve) => {
      started = resolve;
    });
    async function* endless() {
      for (;;) {
        yield bytes;
        started();
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const upload = services.files.put(grant, key, { body: endless() });
    const refused = expect(upload).rejects.toMatchObject({ code: 'not_found' });
    await begun;
    await services.workspaces.delete(await services.gate.authorize(identity('owner'), w1, 'workspace.delete'));
    await refused;
    expect(await stores.blobs.list(grant.entry.blobRoot, { limit: 10 })).toEqual({ items: [] });
    expect(await stores.files.list(w1, { limit: 10 })).toEqual({ items: [] });
  });

  it('is not undone by a look at the workspace that raced with it', async () => {
    const stores = openStores();
    const [here, there] = [servicesOver(stores).services, servicesOver(stores).services];
    await makeWorkspace(here);
    const grant = await here.gate.authorize(identity('owner'), w1, 'workspace.delete');
    // The other server reads the membership, then the workspace goes, then it fences.
    const membership = stores.directory.membership;
    const late = {
      ...stores,
      directory: {
        ...stores.directory,
        membership: async (...args: Parameters<typeof membership>) => {
          const found = await membership(...args);
          await here.workspaces.delete(grant);
          return found;
        },
      },
    };
    await expect(servicesOver(late).services.gate.authorize(identity('owner'), w1, 'read')).rejects.toMatchObject({ code: 'not_found' });
    expect(await stores.ops.head(w1)).toBeUndefined();
    await expect(there.gate.authorize(identity('owner'), w1, 'read')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('that was overtaken takes nothing away from a workspace made again under the name', async () => {
    const stores = openStores();
    const here = servicesOver(stores).services;
    await makeWorkspace(here);
    const again = async (): Promise<void> => {
      await makeWorkspace(here);
      await here.operations.append(await here.gate.authorize(identity('owner'), w1, 'append'), [record(1)]);
    };
    // Another server looks at the workspace. Before its fence the workspace goes; when it takes its own empty log away again, one is made anew.
    let step: 'fence' | 'head' | 'done' = 'fence';
    const slow = {
      ...stores,
      ops: {
        ...stores.ops,
        fence: async (...args: Parameters<typeof stores.ops.fence>) => {
          if (step !== 'fence') return stores.ops.fence(...args);
          step = 'head';
          await here.workspaces.delete(await here.gate.authorize(identity('owner'), w1, 'workspace.delete'));
          return stores.ops.fence(...args);
        },
        head: async (...args: Parameters<typeof stores.ops.head>) => {
          const head = await stores.ops.head(...args);
          if (step !== 'head') return head;
          step = 'done';
          await again();
          return head;
        },
      },
    };
    await expect(servicesOver(slow).services.gate.authorize(identity('owner'), w1, 'read')).rejects.toMatchObject({ code: 'not_found' });
    expect(step).toBe('done');
    expect((await stores.ops.head(w1))?.records).toBe(1);
  });

  it('whose drop the store carries out late, after the workspace was made again, is refused by then', async () => {
    const stores = openStores();
    let late: (() => Promise<void>) | undefined;
    const distant = {
      ...stores,
      ops: {
        ...stores.ops,
        drop: (...args: Parameters<typeof stores.ops.drop>) => {
          if (late !== undefined) return stores.ops.drop(...args);
          late = () => stores.ops.drop(...args);
          return Promise.reject(new StoreError('unavailable', 'timed out'));
        },
      },
    };
    const { services } = servicesOver(distant);
    await makeWorkspace(services);
    const grant = await services.gate.authorize(identity('owner'), w1, 'workspace.delete');
    await expect(services.workspaces.delete(grant)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await services.workspaces.resumeDeletes()).toMatchObject({ ended: [w1] });
    await makeWorkspace(services);
    await services.operations.append(await services.gate.authorize(identity('owner'), w1, 'append'), [record(1)]);
    await expect((late as unknown as () => Promise<void>)()).rejects.toMatchObject({ code: 'denied' });
    expect((await stores.ops.head(w1))?.records).toBe(1);
  });

  it('that can not be ended holds up neither the others nor the start', async () => {
    const stores = openStores();
    const { services } = servicesOver(stores);
    const ids = ['w0', 'w1', 'w2'].map(parseWorkspaceId);
    for (const id of ids) {
      await services.workspaces.create(identity('owner'), { id, name: id, codec: 'opaque', settings: { relay: true, app: {} } });
      await stores.directory.beginDelete(id);
    }
    const damaged = (id: string) => (id === 'w1' ? Promise.reject(new StoreError('corrupt', 'damaged')) : stores.ops.head(id as never));
    const restarted = servicesOver({ ...stores, ops: { ...stores.ops, head: damaged } }).services;
    expect(await restarted.workspaces.resumeDeletes()).toMatchObject({
      ended: ['w0', 'w2'],
      failed: [{ workspace: 'w1', error: { code: 'corrupt' } }],
    });
    await expect(restarted.gate.authorize(identity('owner'), w1, 'read')).rejects.toMatchObject({ code: 'not_found' });
  });
});
