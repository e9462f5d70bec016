import { parseUserId, StoreError } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { identity, makeWorkspace, openStores, record, servicesOver, w1 } from '../support/services.ts';

describe('a membership change', () => {
  it('reaches the directory, the log and the sockets, in this order, before it is answered', async () => {
    const stores = openStores();
    const order: string[] = [];
    const ops = {
      ...stores.ops,
      fence: async (...args: Parameters<typeof stores.ops.fence>) => {
        order.push(`fence ${args[1]}`);
        return stores.ops.fence(...args);
      },
    };
    const directory = {
      ...stores.directory,
      setMember: async (...args: Parameters<typeof stores.directory.setMember>) => {
        const epoch = await stores.directory.setMember(...args);
        order.push(`directory ${epoch}`);
        return epoch;
      },
    };
    const { services, parts } = servicesOver({ ...stores, ops, directory });
    await makeWorkspace(services, 'ed');
    parts.events.listen({
      membershipChanged: async (_, user) => {
        await new Promise((resolve) => setImmediate(resolve));
        order.push(`sockets of ${user}`);
      },
    });
    const grant = await services.gate.authorize(identity('owner'), w1, 'members.manage');
    order.length = 0;
    await services.members.set(grant, parseUserId('ed'), undefined);
    order.push('answered');
    expect(order).toEqual(['directory 3', 'fence 3', 'sockets of ed', 'answered']);
  });

  it('binds another server, which knew nothing of it', async () => {
    const stores = openStores();
    const [here, there] = [servicesOver(stores), servicesOver(stores)];
    await makeWorkspace(here.services, 'ed', 'mo');
    const ed = await there.services.gate.authorize(identity('ed'), w1, 'append');
    const mo = await there.services.gate.authorize(identity('mo'), w1, 'append');
    await there.services.operations.append(ed, [record(1)]);
    const grant = await here.services.gate.authorize(identity('owner'), w1, 'members.manage');
    await here.services.members.set(grant, parseUserId('ed'), undefined);
    await expect(there.services.operations.append(ed, [record(2)])).rejects.toMatchObject({ code: 'not_found' });
    const kept = await there.services.operations.append(mo, [record(3)]); // somebody else's change costs nobody else anything
    expect(kept).toMatchObject({ added: 1 });
    expect(kept.grant.epoch).toBeGreaterThan(mo.epoch);
    await here.services.members.set(
      await here.services.gate.authorize(identity('owner'), w1, 'members.manage'),
      parseUserId('mo'),
      'viewer',
    );
    await expect(there.services.operations.append(kept.grant, [record(4)])).rejects.toMatchObject({ code: 'denied' });
    expect(await stores.ops.head(w1)).toMatchObject({ records: 2 });
  });

  it('whose fence fails still closes sockets, and is made good by the next look', async () => {
    const stores = openStores();
    let broken = false;
    const ops = {
      ...stores.ops,
      fence: (...args: Parameters<typeof stores.ops.fence>) =>
        broken ? Promise.reject(new StoreError('unavailable', 'no disk')) : stores.ops.fence(...args),
    };
    const { services, parts } = servicesOver({ ...stores, ops });
    await makeWorkspace(services, 'ed');
    const ed = await services.gate.authorize(identity('ed'), w1, 'append');
    const closed: string[] = [];
    parts.events.listen({ membershipChanged: async (_, user) => void closed.push(String(user)) });
    broken = true;
    const grant = await services.gate.authorize(identity('owner'), w1, 'members.manage');
    await expect(services.members.set(grant, parseUserId('ed'), undefined)).rejects.toMatchObject({ code: 'unavailable' });
    expect(closed).toEqual(['ed']);
    broken = false;
    await services.gate.authorize(identity('owner'), w1, 'read');
    await expect(services.operations.append(ed, [record(1)])).rejects.toMatchObject({ code: 'not_found' });
    expect(await stores.ops.head(w1)).toMatchObject({ records: 0 });
  });
});

describe('refused attempts', () => {
  it('are written to the audit, at most so many a minute, and the rest is counted', async () => {
    const stores = openStores();
    let now = 0;
    const { services, parts } = servicesOver(stores, { auditedRefusalsPerMinute: 3 });
    await makeWorkspace(services);
    (parts.clock as { now: () => number }).now = () => now;
    const knock = () => services.gate.authorize(identity('eve'), w1, 'read').catch((error: StoreError) => error.code);
    for (let i = 0; i < 10; i++) expect(await knock()).toBe('not_found');
    now += 60_000;
    await knock();
    const { items } = await stores.directory.auditLog({ limit: 100, workspace: w1 });
    const refused = items.filter(({ outcome }) => outcome === 'refused');
    expect(refused).toHaveLength(4);
    expect(refused.at(-1)).toMatchObject({ user: 'eve', action: 'read', detail: { code: 'not_found', suppressed: 7 } });
  });

  it('stay refused when the audit can’t be written', async () => {
    const stores = openStores();
    const directory = { ...stores.directory, audit: () => Promise.reject(new StoreError('unavailable', 'no disk')) };
    const { services } = servicesOver({ ...stores, directory });
    await expect(services.gate.authorize(identity('eve'), w1, 'read')).rejects.toMatchObject({ code: 'not_found' });
    expect(services.refusals.failures()).toBe(1);
  });
});
