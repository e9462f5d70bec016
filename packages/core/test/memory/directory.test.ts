import { type NewWorkspace, parseBlobRoot, parsePeerId, parseUserId, parseWorkspaceId, type UserId } from '@spacestore/core';
import { memoryDirectory, memoryDirectoryPlace } from '@spacestore/core/memory';
import { describe, expect, test } from 'vitest';
import { failureOf, standingClock, ws } from './op-kit.ts';

const [owner, anna, ben] = ['owner', 'anna', 'ben'].map(parseUserId) as [UserId, UserId, UserId];
const all = { limit: 100 };
const unlimited = { fileBytes: Number.MAX_SAFE_INTEGER, files: Number.MAX_SAFE_INTEGER };

function workspace(overrides: Readonly<Record<string, unknown>> = {}): NewWorkspace {
  const blobRoot = parseBlobRoot('owner/w');
  return { id: ws, name: 'W', owner, codec: 'reptree-1', blobRoot, settings: { relay: true, app: {} }, ...overrides } as NewWorkspace;
}

async function newDirectory() {
  const directory = memoryDirectory({ clock: { now: () => 1000.7 } });
  await directory.create(workspace());
  return directory;
}

describe('workspaces', () => {
  test('begin at epoch 1 with their owner as the only member', async () => {
    const directory = await newDirectory();
    expect(await directory.get(ws)).toStrictEqual({ ...workspace(), epoch: 1, createdAt: 1000, state: 'active' });
    expect(await directory.members(ws, all)).toEqual({ items: [{ user: owner, role: 'owner' }] });
    expect(await directory.countOwned(owner)).toBe(1);
    expect(await directory.get(parseWorkspaceId('x'))).toBeUndefined();
  });

  test('an id is taken until the end of its deletion; made again, its epoch is above every epoch it had', async () => {
    const directory = await newDirectory();
    expect((await failureOf(directory.create(workspace()))).code).toBe('conflict');
    await directory.beginDelete(ws);
    expect((await failureOf(directory.create(workspace()))).code).toBe('conflict');
    await directory.endDelete(ws);
    expect((await directory.create(workspace())).epoch).toBe(3);
  });

  test.each([
    ['an id outside the grammar', { id: 'W' }],
    ['an owner with a blank', { owner: 'a b' }],
    ['an unknown codec', { codec: 'yjs' }],
    ['a root that leaves its place', { blobRoot: '../x' }],
    ['a name that is no text', { name: 1 }],
    ['a name with a lone surrogate', { name: '\ud800' }],
    ['a name of 1025 characters', { name: 'x'.repeat(1025) }],
    ['a relay that is no boolean', { settings: { relay: 1, app: {} } }],
    ['fields that JSON cannot hold', { settings: { relay: true, app: { at: new Date(0) } } }],
    ['fields that are no object', { settings: { relay: true, app: [] } }],
  ])('refuse %s', async (_, overrides) => {
    const directory = memoryDirectory();
    expect((await failureOf(directory.create(workspace(overrides)))).code).toBe('invalid');
    expect((await directory.list(all)).items).toEqual([]);
  });

  test('are updated in the fields named, and share no objects with callers', async () => {
    const directory = await newDirectory();
    const app = { theme: { dark: true } };
    const updated = await directory.update(ws, { settings: { relay: false, app } });
    app.theme.dark = false;
    (updated.settings.app.theme as { dark: boolean }).dark = false;
    expect(await directory.get(ws)).toMatchObject({ name: 'W', epoch: 1, settings: { relay: false, app: { theme: { dark: true } } } });
    expect((await directory.update(ws, { name: 'V' })).settings.relay).toBe(false);
    expect((await failureOf(directory.update(parseWorkspaceId('x'), { name: 'V' }))).code).toBe('not_found');
  });

  test('are listed in byte order, all or those of a member, page by page', async () => {
    const directory = memoryDirectory();
    for (const id of ['b', 'a-', 'a', 'c']) await directory.create(workspace({ id }));
    await directory.setMember(parseWorkspaceId('c'), anna, 'viewer');
    await directory.setMember(parseWorkspaceId('a'), anna, 'viewer');
    await directory.setMember(parseWorkspaceId('b'), anna, 'viewer');
    await directory.beginDelete(parseWorkspaceId('b'));
    const idsOf = (page: Awaited<ReturnType<typeof directory.list>>) => page.items.map(({ id }) => id);
    const first = await directory.list({ limit: 3 });
    expect([idsOf(first), first.next]).toEqual([['a', 'a-', 'b'], { after: 'b', limit: 3 }]);
    expect(idsOf(await directory.list({ limit: 3, after: 'b' }))).toEqual(['c']);
    expect(idsOf(await directory.list({ ...all, member: anna }))).toEqual(['a', 'c']);
    expect(idsOf(await directory.list({ ...all, state: 'deleting' }))).toEqual(['b']);
    expect(idsOf(await directory.list({ ...all, state: 'deleting', member: anna }))).toEqual([]);
  });
});

describe('deleting', () => {
  test('ends all membership at once and raises the epoch once', async () => {
    const directory = await newDirectory();
    expect(await directory.beginDelete(ws)).toMatchObject({ state: 'deleting', epoch: 2 });
    expect(await directory.beginDelete(ws)).toMatchObject({ state: 'deleting', epoch: 2 });
    expect(await directory.membership(ws, owner)).toBeUndefined();
    expect((await directory.members(ws, all)).items).toEqual([]);
    for (const refused of [
      directory.setMember(ws, anna, 'viewer'),
      directory.transfer(ws, anna),
      directory.update(ws, {}),
      directory.bindPeers(ws, owner, [], 1),
    ])
      expect((await failureOf(refused)).code).toBe('not_found');
    await directory.endDelete(ws);
    await directory.endDelete(ws);
    expect([await directory.get(ws), await directory.beginDelete(ws), await directory.countOwned(owner)]).toEqual([
      undefined,
      undefined,
      0,
    ]);
  });

  test('does not end what was not begun', async () => {
    const directory = await newDirectory();
    expect((await failureOf(directory.endDelete(ws))).code).toBe('conflict');
    expect((await directory.get(ws))?.state).toBe('active');
  });
});

describe('membership', () => {
  test('every change raises the epoch, and is seen with it', async () => {
    const directory = await newDirectory();
    expect(await directory.setMember(ws, anna, 'editor')).toBe(2);
    expect(await directory.membership(ws, anna)).toMatchObject({ role: 'editor', epoch: 2, entry: { id: ws, epoch: 2 } });
    expect(await directory.setMember(ws, anna, 'editor')).toBe(2);
    expect(await directory.setMember(ws, anna, undefined)).toBe(3);
    expect(await directory.membership(ws, anna)).toBeUndefined();
    expect(await directory.setMember(ws, anna, undefined)).toBe(3);
  });

  test('a role is changed only from the role expected', async () => {
    const directory = await newDirectory();
    await directory.setMember(ws, anna, 'viewer', { ifRole: 'none' });
    expect((await failureOf(directory.setMember(ws, anna, 'admin', { ifRole: 'none' }))).context).toMatchObject({ role: 'viewer' });
    expect((await failureOf(directory.setMember(ws, ben, undefined, { ifRole: 'viewer' }))).code).toBe('conflict');
    expect(await directory.setMember(ws, anna, 'admin', { ifRole: 'viewer' })).toBe(3);
    expect((await failureOf(directory.setMember(ws, anna, 'root' as never))).code).toBe('invalid');
  });

  test('there is always one owner, and only a transfer makes another', async () => {
    const directory = await newDirectory();
    for (const refused of [
      directory.setMember(ws, owner, undefined),
      directory.setMember(ws, owner, 'admin'),
      directory.setMember(ws, anna, 'owner'),
    ])
      expect((await failureOf(refused)).code).toBe('conflict');
    expect(await directory.transfer(ws, anna)).toBe(2);
    expect((await directory.get(ws))?.owner).toBe(anna);
    expect((await directory.members(ws, all)).items).toEqual([{ user: anna, role: 'owner' }, { user: owner, role: 'admin' }]); // biome-ignore format: two members
    expect([await directory.countOwned(owner), await directory.countOwned(anna)]).toEqual([0, 1]);
    expect(await directory.transfer(ws, anna)).toBe(2);
  });

  test('members are listed in byte order, page by page', async () => {
    const directory = await newDirectory();
    await directory.setMember(ws, ben, 'backup');
    await directory.setMember(ws, anna, 'viewer');
    const first = await directory.members(ws, { limit: 2 });
    expect([first.items.map(({ user }) => user), first.next]).toEqual([[anna, ben], { after: ben, limit: 2 }]);
    expect((await directory.members(ws, { limit: 2, after: ben })).items).toEqual([{ user: owner, role: 'owner' }]);
  });
});

describe('peers', () => {
  const peers = ['p1', 'p2', 'p3'].map(parsePeerId);

  test('are bound at their first declaration, all or none', async () => {
    const directory = await newDirectory();
    expect(await directory.bindPeers(ws, anna, peers.slice(0, 1), 2)).toEqual({ taken: [] });
    expect(await directory.bindPeers(ws, ben, peers.slice(0, 2), 2)).toEqual({ taken: ['p1'] });
    expect(await directory.bindPeers(ws, anna, peers.slice(0, 2), 2)).toEqual({ taken: [] });
  });

  test('are at most so many of one user', async () => {
    const directory = await newDirectory();
    await directory.bindPeers(ws, anna, peers.slice(0, 2), 2);
    expect((await failureOf(directory.bindPeers(ws, anna, peers, 2))).code).toBe('quota');
    expect(await directory.bindPeers(ws, ben, peers.slice(2), 1)).toEqual({ taken: [] });
    expect((await failureOf(directory.bindPeers(ws, anna, ['__proto__'] as never, 9))).code).toBe('invalid');
  });
});

test('usage adds up to its limits, never below 0, and a refusal changes nothing', async () => {
  const directory = await newDirectory();
  expect(await directory.addUsage(ws, { fileBytes: 10, files: 1 }, { fileBytes: 10, files: 1 })).toEqual({ fileBytes: 10, files: 1 });
  expect((await failureOf(directory.addUsage(ws, { fileBytes: 1, files: 0 }, { fileBytes: 10, files: 9 }))).code).toBe('quota');
  expect((await failureOf(directory.addUsage(ws, { fileBytes: -5, files: 1 }, { fileBytes: 10, files: 1 }))).code).toBe('quota');
  expect((await failureOf(directory.addUsage(ws, { fileBytes: 0.5, files: 0 }, unlimited))).code).toBe('invalid');
  expect(await directory.usage(ws)).toEqual({ fileBytes: 10, files: 1 });
  expect(await directory.addUsage(ws, { fileBytes: -2, files: 0 }, { fileBytes: 3, files: 1 })).toEqual({ fileBytes: 8, files: 1 });
  expect(await directory.addUsage(ws, { fileBytes: -99, files: -1 }, { fileBytes: 0, files: 0 })).toEqual({ fileBytes: 0, files: 0 });
  expect((await failureOf(directory.addUsage(parseWorkspaceId('x'), { fileBytes: 1, files: 1 }, unlimited))).code).toBe('not_found');
});

describe('the audit', () => {
  test('lists what was done, newest last, of all or of one workspace', async () => {
    const clock = standingClock(50);
    const directory = memoryDirectory({ clock });
    await directory.audit({ workspace: ws, user: anna, action: 'member.set', outcome: 'done', detail: { role: 'viewer' } });
    clock.set(40);
    await directory.audit({ action: 'token', outcome: 'refused', detail: {} });
    await directory.audit({ workspace: ws, action: 'restore', outcome: 'done', detail: {} });
    const { items, next } = await directory.auditLog({ limit: 2 });
    expect(items.map((entry) => ({ ...entry, hash: entry.hash.length }))).toStrictEqual([
      { sequence: 1, at: 50, workspace: ws, user: anna, action: 'member.set', outcome: 'done', detail: { role: 'viewer' }, hash: 64 },
      { sequence: 2, at: 50, action: 'token', outcome: 'refused', detail: {}, hash: 64 },
    ]);
    expect(next).toEqual({ after: '2', limit: 2 });
    expect((await directory.auditLog({ limit: 9, workspace: ws })).items.map(({ sequence }) => sequence)).toEqual([1, 3]);
    expect((await failureOf(directory.auditLog({ limit: 9, after: 'x' }))).code).toBe('invalid');
  });

  test('names the first row that was changed, moved or removed', async () => {
    const place = memoryDirectoryPlace();
    const directory = memoryDirectory({ place });
    for (const action of ['a', 'b', 'c', 'd']) await directory.audit({ action, outcome: 'done', detail: { n: 1 } });
    expect(await directory.verifyAudit()).toBeUndefined();
    const rows = [...place.audit] as [(typeof place.audit)[0], (typeof place.audit)[0], (typeof place.audit)[0], (typeof place.audit)[0]];
    const [a, b, c, d] = rows;
    const tampered = [
      [a, { ...b, row: [...b.row.slice(0, 6), '{"n":2}'] as never }, c, d],
      [a, { ...b, hash: c.hash }, c, d],
      [a, c, b, d],
      [a, c, d],
    ];
    for (const log of tampered) {
      place.audit.splice(0, 9, ...log);
      expect(await directory.verifyAudit()).toBe(2);
    }
  });

  test('survives the end of a workspace', async () => {
    const directory = await newDirectory();
    await directory.audit({ workspace: ws, action: 'delete', outcome: 'done', detail: {} });
    await directory.beginDelete(ws);
    await directory.endDelete(ws);
    expect((await directory.auditLog({ ...all, workspace: ws })).items).toHaveLength(1);
  });
});

test('a closed directory refuses, and its place keeps everything', async () => {
  const place = memoryDirectoryPlace();
  const directory = memoryDirectory({ place });
  await directory.create(workspace());
  await directory.close();
  for (const refused of [directory.get(ws), directory.create(workspace()), directory.list(all), directory.verifyAudit()])
    expect((await failureOf(refused)).code).toBe('closed');
  expect((await memoryDirectory({ place }).get(ws))?.name).toBe('W');
});
