import { type OpRecord, parseUserId, type WorkspaceId } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { identity, makeWorkspace, openStores, record, servicesOver, w1 } from '../support/services.ts';

describe('append', () => {
  it('reaches the store in the turn it was called, so that calls of one turn share a commit', async () => {
    const stores = openStores();
    let calls = 0;
    const ops = {
      ...stores.ops,
      append: (...args: Parameters<typeof stores.ops.append>) => {
        calls++;
        return stores.ops.append(...args);
      },
    };
    const { services } = servicesOver({ ...stores, ops });
    await makeWorkspace(services);
    const grant = await services.gate.authorize(identity('owner'), w1, 'append');
    await services.operations.append(grant, [record(1)]);
    calls = 0;
    const appends = [2, 3, 4].map((counter) => services.operations.append(grant, [record(counter)]));
    expect(calls).toBe(3);
    const results = await Promise.all(appends);
    expect(new Set(results.map(({ through }) => through)).size).toBe(1);
  });

  it('judges counters by what other servers stored too', async () => {
    const stores = openStores();
    const [here, there] = [servicesOver(stores, { counterJump: 10 }).services, servicesOver(stores, { counterJump: 10 }).services];
    await makeWorkspace(here);
    const [mine, theirs] = [
      await here.gate.authorize(identity('owner'), w1, 'append'),
      await there.gate.authorize(identity('owner'), w1, 'append'),
    ];
    await here.operations.append(mine, [record(9)]);
    for (const counter of [9, 19, 29]) await there.operations.append(theirs, [record(counter)]);
    await expect(here.operations.append(mine, [record(39)])).resolves.toMatchObject({ added: 1 }); // its own cache says 9
    await expect(here.operations.append(mine, [record(50)])).rejects.toMatchObject({ code: 'invalid', context: { maxCounter: 39 } });
  });

  it('tells listeners what was committed, with the caller’s own mark', async () => {
    const stores = openStores();
    const { services, parts } = servicesOver(stores);
    await makeWorkspace(services);
    const heard: [WorkspaceId, readonly OpRecord[], unknown][] = [];
    parts.events.listen({ appended: (workspace, records, _, origin) => void heard.push([workspace, records, origin]) });
    const grant = await services.gate.authorize(identity('owner'), w1, 'append');
    const records = [record(1), record(2)];
    await services.operations.append(grant, records, { origin: 'me' });
    await services.operations.append(grant, []);
    await services.operations.append(grant, [{ ...record(1), body: new TextEncoder().encode('["m","v9",null]') }]).catch(() => undefined);
    expect(heard).toEqual([[w1, records, 'me']]);
  });

  it('is refused as unavailable, not denied, while the log is fenced beyond the directory', async () => {
    const stores = openStores();
    const { services } = servicesOver(stores);
    await makeWorkspace(services);
    const grant = await services.gate.authorize(identity('owner'), w1, 'append');
    await stores.ops.fence(w1, 99);
    await expect(services.operations.append(grant, [record(1)])).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('follows a change of the relay setting with a fresh grant', async () => {
    const stores = openStores();
    const { services } = servicesOver(stores);
    await makeWorkspace(services, 'ed');
    const [owner, ed] = [
      await services.gate.authorize(identity('owner'), w1, 'settings.change'),
      await services.gate.authorize(identity('ed'), w1, 'append'),
    ];
    await services.operations.declarePeers(owner, ['mine' as never]);
    await services.operations.append(ed, [record(1, 'mine')]);
    await services.workspaces.update(owner, { settings: { relay: false, app: {} } });
    const fresh = await services.gate.authorize(identity('ed'), w1, 'append');
    await expect(services.operations.append(fresh, [record(2, 'mine')])).rejects.toMatchObject({
      code: 'denied',
      context: { peers: ['mine'] },
    });
    expect((await stores.directory.membership(w1, parseUserId('ed')))?.role).toBe('editor');
  });
});
