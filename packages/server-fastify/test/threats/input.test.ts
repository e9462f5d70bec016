import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectStatus, hashOf, move, property, startServer, tokenOf, withWorkspace } from '../support/harness.ts';

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: meant as it is
const hostileIds = [
  '..',
  '.',
  '../w1',
  '..%2fw1',
  '%2e%2e',
  'w1/../w2',
  'W1',
  'w 1',
  'w1\u0000',
  'w1%00',
  "w1'--",
  'w1;drop table',
  '__proto__',
  'constructor',
  'prototype',
  '-w',
  '_w',
  'ẃ1',
  'w1\n',
  'con.',
  'w1.db',
  '\u202ew1',
  'x'.repeat(65),
  'x'.repeat(5000),
  '$(id)',
  '`id`',
  '${env}',
  '{{7*7}}',
  '<script>',
  '\\\\host\\share',
  'C:',
  '/etc/passwd',
  '~',
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: meant as it is

describe('hostile ids', () => {
  it('of workspaces are refused everywhere and never reach a store', async () => {
    const { call, server } = await withWorkspace();
    for (const id of hostileIds) {
      const inPath = await call('owner', 'GET', `/workspaces/${encodeURIComponent(id)}/head`);
      expect([id, [400, 404].includes(inPath.statusCode)]).toEqual([id, true]);
      expect(inPath.json()).toMatchObject({ error: { code: expect.stringMatching(/^(invalid|not_found)$/) } });
      await expectStatus(call('owner', 'POST', '/workspaces', { json: { id } }), 400);
    }
    const raw = await server.app.inject({
      method: 'GET',
      url: '/v1/workspaces/../../etc/passwd',
      headers: { authorization: `Bearer ${tokenOf('owner')}` },
    });
    expect(raw.statusCode).toBe(404);
  });

  it('of trees, peers, secrets, users and files are refused', async () => {
    const { call } = await withWorkspace();
    const names = hostileIds.filter((id) => !/^[A-Za-z0-9_-]{1,128}$/.test(id)).concat('__proto__', 'constructor', 'prototype');
    for (const id of names) {
      await expectStatus(call('owner', 'POST', '/workspaces/w1/operations', { json: { records: [{ ...move(1, 'v'), tree: id }] } }), 400);
      await expectStatus(call('owner', 'POST', '/workspaces/w1/operations', { json: { records: [{ ...move(1, 'v'), peer: id }] } }), 400);
      await expectStatus(call('owner', 'POST', '/workspaces/w1/operations', { json: { records: [move(1, id)] } }), 400);
      await expectStatus(call('owner', 'POST', '/workspaces/w1/operations', { json: { records: [], peers: [id] } }), 400);
      await expectStatus(call('owner', 'GET', `/workspaces/w1/operations?trees=${encodeURIComponent(id)}`), 400);
      await expectStatus(
        call('owner', 'POST', '/workspaces/w1/operations/query', {
          body: `{"missing":{${JSON.stringify(id)}:{"p":[[1,2]]}}}`,
          headers: { 'content-type': 'application/json' },
        }),
        400,
      );
      for (const path of [
        `secrets/${encodeURIComponent(id)}`,
        `files/static/${encodeURIComponent(id)}`,
        `files/var/${encodeURIComponent(id)}`,
      ]) {
        const reply = await call('owner', 'GET', `/workspaces/w1/${path}`);
        expect([path, [400, 404].includes(reply.statusCode)]).toEqual([path, true]);
      }
    }
    for (const user of ['a b', 'ä', '', 'x'.repeat(129), 'a\u0000']) {
      const reply = await call('owner', 'PUT', `/workspaces/w1/members/${encodeURIComponent(user)}`, { json: { role: 'viewer' } });
      expect([user, [400, 404].includes(reply.statusCode)]).toEqual([user, true]);
    }
    expect((await call('owner', 'GET', '/workspaces/w1/head')).json()).toMatchObject({ records: 0 });
  });

  it('of users with slashes and percent signs are told apart', async () => {
    const { call } = await withWorkspace();
    await expectStatus(
      call('owner', 'PUT', `/workspaces/w1/members/${encodeURIComponent('auth0|a/b%2F')}`, { json: { role: 'viewer' } }),
      200,
    );
    expect((await call('owner', 'GET', '/workspaces/w1/members')).json()).toMatchObject({
      items: expect.arrayContaining([{ user: 'auth0|a/b%2F', role: 'viewer' }]),
    });
  });
});

describe('bodies', () => {
  it('that are no operations are refused by id, and nothing of their call is stored', async () => {
    const { call } = await withWorkspace();
    const bad: unknown[] = [
      ['x', 'v1'],
      ['m', 'v1'],
      ['m', 'v1', 'v2', 3],
      ['m', 1, null],
      ['p', 'v1', 5, 5],
      [],
      'm',
      null,
      5,
      {},
      ['m', 'v1', {}],
      ['m', 'v1', '../v2'],
      ['p', 'v1', 'k', 1, 2],
    ];
    for (const op of bad)
      await expectStatus(
        call('editor', 'POST', '/workspaces/w1/operations', { json: { records: [move(1, 'v1'), { ...move(2, 'v1'), op }] } }),
        400,
      );
    const deep = `${'['.repeat(70)}${']'.repeat(70)}`;
    const nested = `{"records":[{"tree":"t","peer":"p","counter":1,"op":["p","v1","k",${deep}]}]}`;
    await expectStatus(
      call('editor', 'POST', '/workspaces/w1/operations', { body: nested, headers: { 'content-type': 'application/json' } }),
      400,
    );
    const body = (text: string) => ({ tree: 't', peer: 'p', counter: 3, body: Buffer.from(text).toString('base64') });
    for (const text of [
      '["m", "v1", null]',
      '["p","v1","k",{"b":1,"a":2}]',
      '["p","v1","k",-0]',
      '["p","v1","k",1e2]',
      '\ufeff["m","v1",null]',
      '["m","v1",null]\n',
    ])
      expect(
        (await expectStatus(call('editor', 'POST', '/workspaces/w1/operations', { json: { records: [body(text)] } }), 400)).json(),
      ).toMatchObject({
        error: { code: 'invalid', context: { ids: [{ tree: 't', peer: 'p', counter: 3 }] } },
      });
    expect((await call('owner', 'GET', '/workspaces/w1/head')).json()).toMatchObject({ records: 0 });
  });

  it('with counters that are none are refused', async () => {
    const { call } = await withWorkspace();
    for (const counter of ['1', -1, 1.5, 2 ** 53, 1e300, null, true, [1]])
      await expectStatus(call('editor', 'POST', '/workspaces/w1/operations', { json: { records: [{ ...move(1, 'v'), counter }] } }), 400);
  });

  it('of unknown fields, wrong types and poisoned prototypes are refused without quoting them', async () => {
    const { call } = await withWorkspace();
    const canary = 'canary-5f1b';
    for (const text of [
      '{"records":[],"further":1}',
      `{"records":"${canary}"}`,
      `{"records":[{"__proto__":{"${canary}":1}}]}`,
      `{"__proto__":{"admin":true},"records":[]}`,
      `{"records": ${canary}`,
      `"${canary}"`,
      `${canary}`,
      '',
      '[]',
      'null',
    ]) {
      const reply = await expectStatus(
        call('editor', 'POST', '/workspaces/w1/operations', { body: text, headers: { 'content-type': 'application/json' } }),
        400,
      );
      expect(reply.body).not.toContain(canary);
    }
    await expectStatus(
      call('editor', 'POST', '/workspaces/w1/operations', {
        body: 'a=b',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      }),
      400,
    );
    await expectStatus(call('editor', 'GET', '/workspaces/w1/operations?limit=0'), 400);
    await expectStatus(call('editor', 'GET', '/workspaces/w1/operations?limit=1e9'), 400);
    await expectStatus(call('editor', 'GET', '/workspaces/w1/operations?nonsense=1'), 400);
    await expectStatus(call('editor', 'GET', '/workspaces/w1/operations?after=nonsense'), 400);
  });

  it('of arbitrary JSON never make anything but a typed answer', async () => {
    const { call } = await withWorkspace();
    const paths = ['operations', 'operations/query', 'vector/query', 'transfer', 'import', 'operations/stream', 'restore'] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...paths),
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.json().map((text) => `{"records":[${text}]}`),
        ),
        async (path, body) => {
          const type = path === 'operations/stream' ? 'application/x-ndjson' : 'application/json';
          const reply = await call('owner', 'POST', `/workspaces/w1/${path}`, { body, headers: { 'content-type': type } });
          const { error } = reply.json() as { error?: { code: string } };
          expect([200, 400, 404, 413, 500]).toContain(reply.statusCode);
          if (reply.statusCode === 500) expect([path, error?.code]).toEqual(['restore', 'corrupt']);
        },
      ),
      { seed: 20260423, numRuns: 300 },
    );
    await expectStatus(call('owner', 'GET', '/workspaces/w1/head'), 200);
  });
});

describe('limits', () => {
  it('of calls, bodies and requests are kept', async () => {
    const { call } = await withWorkspace({ limits: { callRecords: 5, bodyBytes: 100, callBytes: 250, requestBytes: 4000 } });
    const append = (records: unknown[]) => call('editor', 'POST', '/workspaces/w1/operations', { json: { records } });
    const counts = [6, 5].map((n) => Array.from({ length: n }, (_, i) => move(i, `v${i}`)));
    expect((await expectStatus(append(counts[0] as unknown[]), 413)).json()).toMatchObject({
      error: { code: 'too_large', context: { maxRecords: 5 } },
    });
    await expectStatus(append(counts[1] as unknown[]), 200);
    expect((await expectStatus(append([move(7, 'v'), property(8, 'k', 'x'.repeat(100))]), 413)).json()).toMatchObject({
      error: { context: { ids: [{ counter: 8 }] } },
    });
    await expectStatus(append([0, 1, 2, 3].map((i) => property(20 + i, 'k', 'x'.repeat(70)))), 413);
    await expectStatus(append([property(9, 'k', 'x'.repeat(5000))]), 413);
    await expectStatus(
      call('editor', 'POST', '/workspaces/w1/operations/query', { json: { trees: Array.from({ length: 10_001 }, () => 't') } }),
      413,
    );
  });

  it('of a counter’s jump are kept against the highest one stored', async () => {
    const { call } = await withWorkspace({ limits: { counterJump: 1000 } });
    const append = (counter: number) => call('editor', 'POST', '/workspaces/w1/operations', { json: { records: [move(counter, 'v1')] } });
    expect((await expectStatus(append(2 ** 53 - 1), 400)).json()).toMatchObject({
      error: { code: 'invalid', context: { ids: [{ counter: 2 ** 53 - 1 }], maxCounter: -1 } },
    });
    await expectStatus(append(1000), 400);
    await expectStatus(append(999), 200);
    await expectStatus(append(2000), 400);
    await expectStatus(append(1999), 200);
    const line = JSON.stringify({ treeId: 't', id: { counter: 5_000_000, peerId: 'p' }, targetId: 'v', parentId: null });
    await expectStatus(call('admin', 'POST', '/workspaces/w1/import', { body: line }), 200);
    await expectStatus(append(5_001_000), 200);
    expect((await call('owner', 'GET', '/workspaces/w1/audit?limit=100')).json()).toMatchObject({
      items: expect.arrayContaining([
        expect.objectContaining({ outcome: 'refused', action: 'append', detail: expect.objectContaining({ code: 'invalid' }) }),
      ]),
    });
  });

  it('of a log are kept, as a refusal that no retry helps', async () => {
    const { call } = await withWorkspace({ limits: { workspaceRecords: 3 } });
    const append = (counter: number) => call('editor', 'POST', '/workspaces/w1/operations', { json: { records: [move(counter, 'v1')] } });
    for (const counter of [1, 2, 2, 2, 3]) await expectStatus(append(counter), 200);
    expect((await expectStatus(append(4), 507)).json()).toMatchObject({ error: { code: 'quota' } });
  });

  it('of requests are kept by user and by address', async () => {
    const { call } = await withWorkspace({ limits: { requestsPerMinutePerUser: 5 } });
    for (let i = 0; i < 5; i++) await expectStatus(call('viewer', 'GET', '/workspaces/w1'), 200);
    const refused = await expectStatus(call('viewer', 'GET', '/workspaces/w1'), 429);
    expect(refused.json()).toMatchObject({ error: { code: 'busy' } });
    expect(refused.headers['retry-after']).toBeDefined();
    await expectStatus(call('editor', 'GET', '/workspaces/w1'), 200);
    const flooded = await startServer({ limits: { requestsPerMinutePerAddress: 2 } });
    for (let i = 0; i < 2; i++) await expectStatus(flooded.call(undefined, 'GET', '/workspaces'), 401);
    expect((await expectStatus(flooded.call('owner', 'GET', '/workspaces'), 429)).json()).toMatchObject({ error: { code: 'busy' } });
  });

  it('of lines keep an endless one from filling the memory', async () => {
    const { call } = await withWorkspace({ limits: { lineBytes: 1000 } });
    const long = JSON.stringify({ treeId: 't', id: { counter: 1, peerId: 'p' }, targetId: 'v', key: 'k', value: 'x'.repeat(5000) });
    const good = JSON.stringify({ treeId: 't', id: { counter: 2, peerId: 'p' }, targetId: 'v', parentId: null });
    const { gzipSync } = await import('node:zlib');
    const report = await expectStatus(
      call('admin', 'POST', '/workspaces/w1/import', { body: gzipSync(`${long}\n${good}\n${'y'.repeat(2_000_000)}`) }),
      200,
    );
    expect(report.json()).toMatchObject({
      lines: 3,
      added: 1,
      refused: 2,
      problems: [
        { line: 1, code: 'too_large' },
        { line: 3, code: 'too_large' },
      ],
    });
  });
});

describe('peers', () => {
  it('of somebody else are relayed, unless the workspace says otherwise', async () => {
    const { call } = await withWorkspace();
    const append = (user: 'editor' | 'admin', peer: string, counter: number, peers?: string[]) =>
      call(user, 'POST', '/workspaces/w1/operations', { json: { records: [move(counter, 'v1', null, peer)], ...(peers && { peers }) } });
    await expectStatus(append('editor', 'mine', 1, ['mine']), 200);
    await expectStatus(append('admin', 'mine', 2), 200);
    expect((await expectStatus(append('admin', 'mine', 3, ['mine']), 403)).json()).toMatchObject({
      error: { code: 'denied', context: { peers: ['mine'] } },
    });
    await expectStatus(call('owner', 'PATCH', '/workspaces/w1', { json: { settings: { relay: false } } }), 200);
    await expectStatus(append('admin', 'mine', 4), 403);
    await expectStatus(append('admin', 'fresh', 5), 200);
    await expectStatus(append('editor', 'fresh', 6), 403);
    await expectStatus(append('editor', 'mine', 7), 200);
    expect((await call('owner', 'GET', '/workspaces/w1/operations')).json()).toMatchObject({
      records: [{ via: 'editor' }, { via: 'admin' }, { peer: 'fresh' }, { counter: 7 }],
    });
  });

  it('are capped for each user', async () => {
    const { call } = await withWorkspace({ limits: { peersPerUser: 2 } });
    const declare = (peers: string[]) => call('editor', 'POST', '/workspaces/w1/operations', { json: { records: [], peers } });
    await expectStatus(declare(['a', 'b']), 200);
    await expectStatus(declare(['b', 'a']), 200);
    await expectStatus(declare(['c']), 507);
  });
});

it('a file is found under no other workspace', async () => {
  const { call } = await withWorkspace();
  await expectStatus(call('editor', 'PUT', `/workspaces/w1/files/static/${hashOf('secret')}`, { body: 'secret' }), 201);
  await expectStatus(call('other', 'POST', '/workspaces', { json: { id: 'w2' } }), 201);
  await expectStatus(call('other', 'GET', `/workspaces/w2/files/static/${hashOf('secret')}`), 404);
});
