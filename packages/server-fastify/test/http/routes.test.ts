import { describe, expect, it } from 'vitest';
import { expectStatus, hashOf, move, property, startServer, withWorkspace } from '../support/harness.ts';

describe('workspaces', () => {
  it('are made, shown, listed, changed and deleted', async () => {
    const { call } = await startServer();
    const made = await expectStatus(
      call('owner', 'POST', '/workspaces', { json: { id: 'a1', name: 'First', settings: { app: { theme: 'dark' } } } }),
      201,
    );
    expect(made.json()).toMatchObject({
      id: 'a1',
      owner: 'owner',
      codec: 'reptree-1',
      role: 'owner',
      settings: { relay: true, app: { theme: 'dark' } },
    });
    await expectStatus(call('owner', 'POST', '/workspaces', { json: { id: 'a1' } }), 201);
    await expectStatus(call('other', 'POST', '/workspaces', { json: { id: 'a1' } }), 409);
    const random = (await expectStatus(call('owner', 'POST', '/workspaces', { json: {} }), 201)).json() as { id: string };
    expect((await call('owner', 'GET', '/workspaces')).json()).toMatchObject({ items: [{ id: 'a1' }, { id: random.id }] });
    const page = (await call('owner', 'GET', '/workspaces?limit=1')).json() as { next: { after: string } };
    expect((await call('owner', 'GET', `/workspaces?limit=1&after=${page.next.after}`)).json()).toMatchObject({
      items: [{ id: random.id }],
    });
    expect((await call('other', 'GET', '/workspaces')).json()).toEqual({ items: [] });
    const changed = await expectStatus(
      call('owner', 'PATCH', '/workspaces/a1', { json: { name: 'Renamed', settings: { relay: false } } }),
      200,
    );
    expect(changed.json()).toMatchObject({ name: 'Renamed', settings: { relay: false, app: { theme: 'dark' } } });
    await expectStatus(call('owner', 'DELETE', '/workspaces/a1'), 204);
    await expectStatus(call('owner', 'GET', '/workspaces/a1'), 404);
    await expectStatus(call('other', 'POST', '/workspaces', { json: { id: 'a1' } }), 201);
    expect((await call('other', 'GET', '/workspaces/a1/operations')).json()).toMatchObject({ records: [] });
  });

  it('are counted for their owner', async () => {
    const { call } = await startServer({ limits: { workspacesPerOwner: 1 } });
    await expectStatus(call('owner', 'POST', '/workspaces', { json: { id: 'a' } }), 201);
    const refused = await expectStatus(call('owner', 'POST', '/workspaces', { json: { id: 'b' } }), 507);
    expect(refused.json()).toMatchObject({ error: { code: 'quota' } });
  });
});

describe('members', () => {
  it('get and lose roles, and a transfer makes a new owner', async () => {
    const { call } = await withWorkspace();
    expect((await call('admin', 'GET', '/workspaces/w1/members')).json()).toMatchObject({
      items: [{ user: 'admin' }, { user: 'backup' }, { user: 'editor' }, { user: 'owner', role: 'owner' }, { user: 'viewer' }],
    });
    await expectStatus(call('admin', 'PUT', '/workspaces/w1/members/viewer', { json: { role: 'admin' } }), 403);
    await expectStatus(call('admin', 'DELETE', '/workspaces/w1/members/owner'), 403);
    await expectStatus(call('admin', 'PUT', '/workspaces/w1/members/viewer', { json: { role: 'editor', ifRole: 'editor' } }), 409);
    await expectStatus(call('admin', 'PUT', '/workspaces/w1/members/viewer', { json: { role: 'editor', ifRole: 'viewer' } }), 200);
    await expectStatus(call('viewer', 'POST', '/workspaces/w1/operations', { json: { records: [move(1, 'v1')] } }), 200);
    await expectStatus(call('admin', 'DELETE', '/workspaces/w1/members/viewer'), 200);
    await expectStatus(call('viewer', 'POST', '/workspaces/w1/operations', { json: { records: [move(2, 'v1')] } }), 404);
    await expectStatus(call('owner', 'POST', '/workspaces/w1/transfer', { json: { to: 'stranger' } }), 404);
    await expectStatus(call('owner', 'POST', '/workspaces/w1/transfer', { json: { to: 'admin' } }), 200);
    expect((await call('admin', 'GET', '/workspaces/w1')).json()).toMatchObject({ owner: 'admin', role: 'owner' });
    expect((await call('owner', 'GET', '/workspaces/w1')).json()).toMatchObject({ role: 'admin' });
  });
});

describe('operations', () => {
  it('are appended, read by cursor, tree, vector and time', async () => {
    const { call, now } = await withWorkspace();
    const first = [move(1, 'v1'), property(2, 'name', 'a'), move(3, 'v2', 'v1', 'p2', 't2')];
    const put = (await expectStatus(call('editor', 'POST', '/workspaces/w1/operations', { json: { records: first } }), 200)).json() as {
      through: string;
    };
    expect(put).toMatchObject({ added: 3, committedAt: 3 });
    expect((await call('editor', 'POST', '/workspaces/w1/operations', { json: { records: first } })).json()).toMatchObject({ added: 0 });
    now.value += 1000;
    await expectStatus(
      call('editor', 'POST', '/workspaces/w1/operations', {
        json: { records: [{ ...property(4, 'name', 'gone'), op: ['p', 'v1', 'name'] }] },
      }),
      200,
    );

    const all = (await call('viewer', 'GET', '/workspaces/w1/operations')).json() as { records: { counter: number }[]; through: string };
    expect(all.records).toMatchObject([
      ...first.map((record, i) => ({ ...record, position: i + 1, via: 'editor' })),
      { op: ['p', 'v1', 'name'], receivedAt: now.value },
    ]);
    const counters = async (path: string) =>
      ((await expectStatus(call('viewer', 'GET', path), 200)).json() as typeof all).records.map(({ counter }) => counter);
    expect(await counters(`/workspaces/w1/operations?after=${put.through}`)).toEqual([4]);
    expect(await counters('/workspaces/w1/operations?trees=t2')).toEqual([3]);
    expect(await counters('/workspaces/w1/operations?trees=t1,t2')).toEqual([1, 2, 3, 4]);
    expect(await counters(`/workspaces/w1/operations?receivedFrom=${now.value}`)).toEqual([4]);
    expect(await counters(`/workspaces/w1/operations?receivedBefore=${now.value}`)).toEqual([1, 2, 3]);

    const missing = await call('viewer', 'POST', '/workspaces/w1/operations/query', { json: { missing: { t1: { p1: [[1, 2]] } } } });
    expect((missing.json() as typeof all).records.map(({ counter }) => counter)).toEqual([3, 4]);
    const page = (
      await call('viewer', 'POST', '/workspaces/w1/operations/query', {
        json: { limit: 3, trees: ['t1'], missing: { t1: { p1: [[1, 1]] } } },
      })
    ).json();
    expect(page).toMatchObject({ records: [{ counter: 2 }, { counter: 4 }] });
    const cut = (await call('viewer', 'POST', '/workspaces/w1/operations/query', { json: { limit: 2 } })).json() as { next: object };
    expect((await expectStatus(call('viewer', 'POST', '/workspaces/w1/operations/query', { json: cut.next }), 200)).json()).toMatchObject({
      records: [{ counter: 3 }, { counter: 4 }],
      through: all.through,
    });

    expect((await call('viewer', 'GET', '/workspaces/w1/vector')).json()).toMatchObject({
      vector: {
        t1: {
          p1: [
            [1, 2],
            [4, 4],
          ],
        },
        t2: { p2: [[3, 3]] },
      },
    });
    expect((await call('viewer', 'POST', '/workspaces/w1/vector/query', { json: { trees: ['t2'] } })).json()).toMatchObject({
      vector: { t2: { p2: [[3, 3]] } },
    });
    expect((await call('viewer', 'GET', '/workspaces/w1/trees')).json()).toEqual({ items: ['t1', 't2'] });
    expect((await call('viewer', 'GET', '/workspaces/w1/head')).json()).toMatchObject({
      position: 4,
      records: 4,
      maxCounter: 4,
      cursor: all.through,
    });
  });

  it('come as bytes in an opaque workspace', async () => {
    const { call } = await withWorkspace({}, 'opaque');
    const body = Buffer.from([0, 255, 1]).toString('base64');
    const record = { tree: 't', peer: 'p', counter: 0, body };
    await expectStatus(call('editor', 'POST', '/workspaces/w1/operations', { json: { records: [record] } }), 200);
    expect((await call('viewer', 'GET', '/workspaces/w1/operations')).json()).toMatchObject({ records: [record] });
    await expectStatus(call('editor', 'POST', '/workspaces/w1/operations', { json: { records: [move(1, 'v')] } }), 400);
  });

  it('are streamed in as lines, in calls of the size allowed', async () => {
    const { call } = await withWorkspace({ limits: { callRecords: 10 } });
    const lines = Array.from({ length: 95 }, (_, i) => JSON.stringify(move(i, `v${i}`)));
    const headers = { 'content-type': 'application/x-ndjson' };
    const done = await expectStatus(call('editor', 'POST', '/workspaces/w1/operations/stream', { body: lines.join('\n'), headers }), 200);
    expect(done.json()).toMatchObject({ lines: 95, added: 95 });
    const broken = [...Array.from({ length: 25 }, (_, i) => JSON.stringify(move(100 + i, `w${i}`))), '{"tree":'];
    const refused = await expectStatus(
      call('editor', 'POST', '/workspaces/w1/operations/stream', { body: broken.join('\n'), headers }),
      400,
    );
    expect(refused.json()).toMatchObject({ error: { code: 'invalid', context: { line: 26, storedLines: 20 } } });
    expect((await call('viewer', 'GET', '/workspaces/w1/head')).json()).toMatchObject({ records: 115 });
  });

  it('of the same id with other content are refused whole, naming the id', async () => {
    const { call } = await withWorkspace();
    await expectStatus(call('editor', 'POST', '/workspaces/w1/operations', { json: { records: [move(1, 'v1')] } }), 200);
    const refused = await expectStatus(
      call('editor', 'POST', '/workspaces/w1/operations', { json: { records: [move(2, 'v2'), move(1, 'v3')] } }),
      409,
    );
    expect(refused.json()).toMatchObject({ error: { code: 'equivocation', context: { ids: [{ tree: 't1', peer: 'p1', counter: 1 }] } } });
    expect((await call('viewer', 'GET', '/workspaces/w1/head')).json()).toMatchObject({ records: 1 });
    expect((await call('owner', 'GET', '/workspaces/w1/audit?limit=1000')).json()).toMatchObject({
      items: expect.arrayContaining([
        expect.objectContaining({
          user: 'editor',
          action: 'append',
          outcome: 'refused',
          detail: expect.objectContaining({ code: 'equivocation' }),
        }),
      ]),
    });
  });

  it('of another history’s cursor are answered with the lineage', async () => {
    const { call } = await withWorkspace();
    const reply = await expectStatus(call('viewer', 'GET', '/workspaces/w1/operations?after=0123456789abcdef.3.0123456789abcdef'), 410);
    expect(reply.json()).toMatchObject({ error: { code: 'stale_cursor', context: { lineage: [] } } });
  });
});

describe('secrets', () => {
  it('are set by version, read, listed and deleted', async () => {
    const { call } = await withWorkspace();
    const value = Buffer.from('hush').toString('base64');
    const set = (name: string, ifVersion: number, writeId: string) =>
      call('admin', 'PUT', `/workspaces/w1/secrets/${name}`, { json: { value, ifVersion, writeId } });
    expect((await expectStatus(set('key', 0, 'a'), 200)).json()).toEqual({ version: 1 });
    expect((await expectStatus(set('key', 0, 'a'), 200)).json()).toEqual({ version: 1 });
    expect((await expectStatus(set('key', 0, 'b'), 409)).json()).toMatchObject({ error: { code: 'conflict', context: { version: 1 } } });
    expect((await call('editor', 'GET', '/workspaces/w1/secrets/key')).json()).toEqual({ value, version: 1 });
    const entries = [
      { name: 'x', value, ifVersion: 0 },
      { name: 'y', value, ifVersion: 0 },
    ];
    await expectStatus(call('admin', 'PUT', '/workspaces/w1/secret-values', { json: { entries, writeId: 'c' } }), 204);
    expect((await call('editor', 'GET', '/workspaces/w1/secrets')).json()).toMatchObject({ items: ['key', 'x', 'y'] });
    expect((await call('editor', 'GET', '/workspaces/w1/secret-values')).json()).toMatchObject({
      items: [{ name: 'key', value }, { name: 'x' }, { name: 'y' }],
    });
    expect((await expectStatus(call('admin', 'DELETE', '/workspaces/w1/secrets/key?ifVersion=1&writeId=d'), 200)).json()).toEqual({
      version: 2,
    });
    await expectStatus(call('editor', 'GET', '/workspaces/w1/secrets/key'), 404);
    await expectStatus(
      call('admin', 'PUT', '/workspaces/w1/secrets/big', {
        json: { value: Buffer.alloc(70_000).toString('base64'), ifVersion: 0, writeId: 'e' },
      }),
      413,
    );
    await expectStatus(
      call('admin', 'PUT', '/workspaces/w1/secrets/bad', { json: { value: 'not base64!', ifVersion: 0, writeId: 'e' } }),
      400,
    );
  });
});

describe('transfer', () => {
  it('imports what can be stored, reports the rest, and exports what the import reads', async () => {
    const { call } = await withWorkspace();
    const line = (counter: number, rest: object, peerId = 'p1') =>
      JSON.stringify({ treeId: 't1', id: { counter, peerId }, targetId: 'v1', ...rest });
    const lines = [
      line(1, { parentId: null }),
      line(2_000_000_000, { key: 'name', value: { b: 1, a: [true, null] }, transient: false }),
      line(3, { key: 'gone' }),
      line(4, { key: 'cursor', value: 1, transient: true }),
      line(3, { key: 'gone' }),
      line(3, { key: 'other' }),
      '{"treeId":',
      line(5, { parentId: '../x' }),
      JSON.stringify({ treeId: '__proto__', id: { counter: 1, peerId: 'p' }, targetId: 'v', parentId: null }),
    ];
    const { gzipSync } = await import('node:zlib');
    const report = await expectStatus(
      call('admin', 'POST', '/workspaces/w1/import', { body: gzipSync(lines.join('\n')), headers: { 'content-type': 'application/gzip' } }),
      200,
    );
    expect(report.json()).toMatchObject({ lines: 9, added: 3, duplicates: 1, conflicts: 1, refused: 3, transient: 1 });
    expect((report.json() as { problems: { line: number }[] }).problems.map(({ line: at }) => at)).toEqual([6, 7, 8, 9]);
    const again = await expectStatus(call('admin', 'POST', '/workspaces/w1/import', { body: line(3, { key: 'changed' }) }), 200);
    expect(again.json()).toMatchObject({ conflicts: 1, added: 0, problems: [{ line: 1, code: 'equivocation', id: { counter: 3 } }] });

    const exported = await expectStatus(call('backup', 'GET', '/workspaces/w1/export'), 200);
    expect(
      exported.body
        .trim()
        .split('\n')
        .map((text) => JSON.parse(text)),
    ).toMatchObject([
      { treeId: 't1', id: { counter: 1, peerId: 'p1' }, targetId: 'v1', parentId: null },
      { id: { counter: 2_000_000_000 }, key: 'name', value: { a: [true, null], b: 1 } },
      { id: { counter: 3 }, key: 'gone' },
    ]);
    await expectStatus(call('owner', 'POST', '/workspaces', { json: { id: 'w2' } }), 201);
    const copied = await expectStatus(call('owner', 'POST', '/workspaces/w2/import', { body: exported.body }), 200);
    expect(copied.json()).toMatchObject({ added: 3, refused: 0 });
    expect((await call('owner', 'GET', '/workspaces/w2/export')).body).toBe(exported.body);
  });

  it('refuses a broken gzip and tells what was stored before', async () => {
    const { call } = await withWorkspace();
    const { gzipSync } = await import('node:zlib');
    const whole = gzipSync(JSON.stringify({ treeId: 't', id: { counter: 1, peerId: 'p' }, targetId: 'v', parentId: null }));
    const cut = await expectStatus(call('admin', 'POST', '/workspaces/w1/import', { body: whole.subarray(0, whole.length - 6) }), 400);
    expect(cut.json()).toMatchObject({ error: { code: 'invalid', context: { added: 0 } } });
  });

  it('restores a backup under a new history', async () => {
    const { call } = await withWorkspace();
    await expectStatus(call('editor', 'POST', '/workspaces/w1/operations', { json: { records: [move(1, 'v1')] } }), 200);
    const before = (await call('owner', 'GET', '/workspaces/w1/head')).json() as { incarnation: string; cursor: string };
    const saved = await expectStatus(call('backup', 'GET', '/workspaces/w1/backup'), 200);
    await expectStatus(call('editor', 'POST', '/workspaces/w1/operations', { json: { records: [move(2, 'v2')] } }), 200);
    await expectStatus(call('admin', 'POST', '/workspaces/w1/restore', { body: saved.rawPayload }), 403);
    const head = await expectStatus(call('owner', 'POST', '/workspaces/w1/restore', { body: saved.rawPayload }), 200);
    expect(head.json()).toMatchObject({ records: 1, lineage: [{ incarnation: before.incarnation, forkedAt: before.cursor }] });
    await expectStatus(call('editor', 'POST', '/workspaces/w1/operations', { json: { records: [move(3, 'v3')] } }), 200);
    await expectStatus(call('owner', 'POST', '/workspaces/w1/restore', { body: Buffer.from('nonsense') }), 500);
    expect((await call('owner', 'GET', '/workspaces/w1/head')).json()).toMatchObject({ records: 2 });
  });
});

describe('audit and usage', () => {
  it('say who did what and what is used', async () => {
    const { call } = await withWorkspace();
    await expectStatus(call('viewer', 'DELETE', '/workspaces/w1'), 403);
    await expectStatus(call('editor', 'PUT', `/workspaces/w1/files/static/${hashOf('hello')}`, { body: 'hello' }), 201);
    const log = (await call('admin', 'GET', '/workspaces/w1/audit?limit=1000')).json() as { items: object[] };
    expect(log.items).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ action: 'workspace.create', user: 'owner', outcome: 'done' }),
        expect.objectContaining({ action: 'members.set', detail: { member: 'viewer', from: 'none', to: 'viewer' } }),
        expect.objectContaining({ action: 'workspace.delete', user: 'viewer', outcome: 'refused' }),
      ]),
    );
    expect((await call('admin', 'GET', '/workspaces/w1/audit/verify')).json()).toEqual({ intact: true });
    expect((await call('admin', 'GET', '/workspaces/w1/usage')).json()).toMatchObject({ records: 0, files: 1, fileBytes: 5 });
  });
});
