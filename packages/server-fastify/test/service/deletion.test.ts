import { createHash } from 'node:crypto';
import { StoreError, staticKey } from '@spacestore/core';
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
    expect(await restarted.workspaces.resumeDeletes()).toEqual(['w1']);
    expect(await restarted.workspaces.resumeDeletes()).toEqual([]);
    expect(await stores.ops.head(w1)).toBeUndefined();
    expect(await stores.secrets.getAll(w1)).toEqual([]);
    expect(await stores.files.list(w1, { limit: 10 })).toEqual({ items: [] });
    expect(await stores.blobs.list(grant.entry.blobRoot, { limit: 10 })).toEqual({ items: [] });
    expect(await stores.directory.get(w1)).toBeUndefined();
  });

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
});
