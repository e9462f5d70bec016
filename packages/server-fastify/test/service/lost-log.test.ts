import { StoreError } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { identity, makeWorkspace, openStores, record, servicesOver, w1 } from '../support/services.ts';

/** A workspace with a record, whose log is lost below the server. */
async function withLostLog() {
  const stores = openStores();
  const { services } = servicesOver(stores);
  await makeWorkspace(services, 'ed');
  const grant = await services.gate.authorize(identity('owner'), w1, 'append');
  await services.operations.append(grant, [record(1)]);
  const snapshot = await stores.ops.snapshot(w1);
  await stores.ops.drop(w1);
  return { stores, services, grant, snapshot: snapshot as NonNullable<typeof snapshot> };
}

describe('a workspace that is listed and whose log is not there', () => {
  it('is told as lost by a server that starts anew, and no empty log comes in its place', async () => {
    const { stores } = await withLostLog();
    const restarted = servicesOver(stores).services;
    for (const action of ['read', 'append', 'members.manage', 'backup'] as const)
      await expect(restarted.gate.authorize(identity('owner'), w1, action)).rejects.toMatchObject({ code: 'corrupt' });
    expect(await stores.ops.head(w1)).toBeUndefined();
  });

  it('is told as lost by a server that knew it before: what is read is an error, not nothing', async () => {
    const { stores, services, grant } = await withLostLog();
    const { operations } = services;
    for (const call of [
      () => operations.read(grant, { limit: 10 }),
      () => operations.vector(grant, { limit: 10 }),
      () => operations.head(grant),
      () => operations.append(grant, [record(2)]),
      () => services.backup.take(grant),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'corrupt' });
    expect(await stores.ops.head(w1)).toBeUndefined();
  });

  it('is not made anew by its owner making it again, nor by a stranger', async () => {
    const { stores } = await withLostLog();
    const restarted = servicesOver(stores).services;
    const request = { id: w1, name: 'First', codec: 'reptree-1', settings: { relay: true, app: {} } } as const;
    await expect(restarted.workspaces.create(identity('owner'), request)).rejects.toMatchObject({ code: 'corrupt' });
    await expect(restarted.workspaces.create(identity('eve'), request)).rejects.toMatchObject({ code: 'conflict' });
    expect(await stores.ops.head(w1)).toBeUndefined();
  });

  it('can be restored from a backup', async () => {
    const { stores, snapshot } = await withLostLog();
    const restarted = servicesOver(stores).services;
    const grant = await restarted.gate.authorize(identity('owner'), w1, 'restore');
    await restarted.backup.restoreFrom(grant, snapshot, {});
    const after = await restarted.gate.authorize(identity('ed'), w1, 'append');
    expect(await restarted.operations.append(after, [record(2)])).toMatchObject({ added: 1, committedAt: 2 });
  });

  it('can be deleted, and made again', async () => {
    const { stores } = await withLostLog();
    const restarted = servicesOver(stores).services;
    await restarted.workspaces.delete(await restarted.gate.authorize(identity('owner'), w1, 'workspace.delete'));
    expect(await stores.ops.head(w1)).toBeUndefined();
    await makeWorkspace(restarted);
    expect((await stores.ops.head(w1))?.records).toBe(0);
  });

  it('was there before the workspace was listed: a crash in between leaves nothing that looks lost', async () => {
    const stores = openStores();
    const create = stores.directory.create;
    const dying = {
      ...stores.directory,
      create: async (...args: Parameters<typeof create>) => {
        await create(...args);
        throw new StoreError('unavailable', 'the process died');
      },
    };
    await expect(makeWorkspace(servicesOver({ ...stores, directory: dying }).services)).rejects.toMatchObject({ code: 'unavailable' });
    const restarted = servicesOver(stores).services;
    const grant = await restarted.gate.authorize(identity('owner'), w1, 'append');
    expect(await restarted.operations.append(grant, [record(1)])).toMatchObject({ added: 1 });
  });
});
