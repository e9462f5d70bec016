import { parseUserId, StoreError } from '@spacestore/core';
import { memoryOpStore } from '@spacestore/core/memory';
import { describe, expect, it } from 'vitest';
import { issueToken } from '../../src/auth/issue-token.ts';
import { jwtAuthenticator } from '../../src/auth/jwt.ts';
import { describeError } from '../../src/http/logging.ts';
import { expectStatus, hashOf, property, startServer, withWorkspace } from '../support/harness.ts';

const canary = 'CANARYa7f3';
const inBase64 = Buffer.from(canary).toString('base64');

describe('what nobody may read', () => {
  it('stays out of logs, errors, metrics and the audit', async () => {
    const clock = { now: () => 1_700_000_000_000 };
    const failing = {
      ...memoryOpStore({ clock }),
      head: () => Promise.reject(new Error(`disk says ${canary}`, { cause: { sql: canary } })),
    };
    const { call, logs, server } = await withWorkspace();
    const replies: string[] = [];
    const send = async (...args: Parameters<typeof call>): Promise<number> => {
      const reply = await call(...args);
      if (reply.statusCode >= 400) replies.push(reply.body, JSON.stringify(reply.headers));
      return reply.statusCode;
    };
    const json = { 'content-type': 'application/json' };
    // Values and bodies, good and bad, on every way in.
    expect(await send('editor', 'POST', '/workspaces/w1/operations', { json: { records: [property(1, 'k', canary)] } })).toBe(200);
    expect(await send('editor', 'POST', '/workspaces/w1/operations', { json: { records: [property(1, 'k', `${canary}2`)] } })).toBe(409);
    expect(await send('editor', 'POST', '/workspaces/w1/operations', { body: `{"records": ${canary}`, headers: json })).toBe(400);
    expect(
      await send('editor', 'POST', '/workspaces/w1/operations', {
        json: { records: [{ tree: 't', peer: 'p', counter: 1, body: inBase64 }] },
      }),
    ).toBe(400);
    expect(
      await send('editor', 'POST', '/workspaces/w1/operations', {
        json: { records: [{ tree: 't', peer: 'p', counter: 1, op: ['p', 'v', 'k', canary, canary] }] },
      }),
    ).toBe(400);
    expect(
      await send('editor', 'POST', '/workspaces/w1/operations/stream', {
        body: `{"tree":"${canary}`,
        headers: { 'content-type': 'application/x-ndjson' },
      }),
    ).toBe(400);
    expect(await send('admin', 'PUT', '/workspaces/w1/secrets/s', { json: { value: inBase64, ifVersion: 0, writeId: 'w' } })).toBe(200);
    expect(await send('admin', 'PUT', '/workspaces/w1/secrets/s', { json: { value: inBase64, ifVersion: 9, writeId: 'v' } })).toBe(409);
    expect(await send('admin', 'PUT', '/workspaces/w1/secrets/s', { json: { value: canary, ifVersion: canary, writeId: 'v' } })).toBe(400);
    expect(
      await send('admin', 'POST', '/workspaces/w1/import', {
        body: `{"treeId":"t","id":{"counter":1,"peerId":"p"},"targetId":"v","key":"k","value":"${canary}"}\n${canary}`,
      }),
    ).toBe(200);
    expect(await send('editor', 'PUT', `/workspaces/w1/files/static/${hashOf('other')}`, { body: canary })).toBe(400);
    // Links, which are as good as a token for what they allow.
    const links: string[] = [];
    const file = `/workspaces/w1/files/static/${hashOf('linked')}`;
    const granted = (await expectStatus(call('editor', 'POST', `${file}/upload`, { json: { sizeBytes: 6 } }), 201)).json() as {
      request: { url: string };
      upload: string;
    };
    await expectStatus(server.app.inject({ method: 'PUT', url: granted.request.url, payload: 'linked' }), 201);
    const download = (await expectStatus(call('viewer', 'POST', `${file}/download`, { json: {} }), 200)).json() as { url: string };
    await expectStatus(server.app.inject({ url: download.url }), 200);
    for (const url of [granted.request.url, download.url]) {
      const failed = await server.app.inject({ method: 'PUT', url: `${url}x` });
      expect(failed.statusCode).toBe(403);
      replies.push(failed.body);
      links.push(url.slice(url.indexOf('link=') + 5));
    }
    links.push(granted.upload);
    // Tokens, in the header and where they do not belong.
    expect(await send(undefined, 'GET', '/workspaces', { token: canary })).toBe(401);
    expect(await send(undefined, 'GET', `/workspaces?access_token=${canary}`)).toBe(401);
    expect(await send('owner', 'GET', `/workspaces?access_token=${canary}`)).toBe(400);
    expect(await send(undefined, 'GET', '/workspaces', { headers: { cookie: `token=${canary}`, authorization: `Basic ${canary}` } })).toBe(
      401,
    );
    expect(await send('owner', 'GET', `/nothing/${canary}`)).toBe(404);
    // A store that fails with a message that quotes its input.
    const broken = await startServer({ ops: failing });
    await expectStatus(broken.call('owner', 'POST', '/workspaces', { json: { id: 'w1' } }), 201);
    const failed = await expectStatus(broken.call('owner', 'GET', '/workspaces/w1/head'), 500);
    expect(failed.json()).toEqual({ error: { code: 'internal', message: 'unexpected failure', context: {} } });

    const audit = (await call('owner', 'GET', '/workspaces/w1/audit?limit=1000')).body;
    const metrics = (await server.app.inject({ url: '/metrics' })).body;
    const outputs = { logs: [...logs, ...broken.logs].join('\n'), audit, metrics, failed: failed.body, replies: replies.join('\n') };
    for (const [name, text] of Object.entries(outputs))
      for (const secret of [canary, inBase64, ...links]) expect([name, text.includes(secret)]).toEqual([name, false]);
    expect(outputs.logs).toContain('"route":"/v1/workspaces/:workspace/operations"'); // it did log
    expect(outputs.audit).toContain('secrets.set');
    expect(metrics).toContain('spacestore_http_request_seconds_count');
  });

  it('is not in what the log says of an error', () => {
    const error = new StoreError('internal', 'ours', {
      context: { value: canary },
      cause: new TypeError(canary, { cause: new Error(canary) }),
    });
    const told = JSON.stringify(describeError(error));
    expect(told).not.toContain(canary);
    expect(told).toContain('ours');
    expect(told).toContain('TypeError');
    expect(JSON.stringify(describeError(canary))).not.toContain(canary);
    const system = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
    expect(describeError(system)).toMatchObject({ code: 'ENOSPC', message: 'ENOSPC: no space left on device, write' });
  });
});

describe('tokens', () => {
  const secret = '0123456789abcdefghijklmnopqrstuvwxyz';
  const clock = { now: () => 1_700_000_000_000 };
  const names = { issuer: 'spacestore', audience: 'spacestore' };

  it('are needed, and narrow what their user may do', async () => {
    const auth = await jwtAuthenticator({ key: { kind: 'secret', secret }, ...names, clock });
    const token = (scopes: object = {}) => issueToken({ secret, ...names, user: parseUserId('ada'), expiresInSeconds: 60, clock, scopes });
    const { call } = await startServer({ auth });
    const full = await token();
    await expectStatus(call(undefined, 'POST', '/workspaces', { json: { id: 'w1' }, token: full }), 201);
    await expectStatus(call(undefined, 'POST', '/workspaces', { json: { id: 'w2' }, token: full }), 201);
    const viewer = await token({ role: 'viewer' });
    await expectStatus(call(undefined, 'GET', '/workspaces/w1/head', { token: viewer }), 200);
    await expectStatus(call(undefined, 'DELETE', '/workspaces/w1', { token: viewer }), 403);
    await expectStatus(call(undefined, 'POST', '/workspaces', { json: { id: 'w3' }, token: viewer }), 403);
    const bound = await token({ workspaces: ['w2'] });
    await expectStatus(call(undefined, 'GET', '/workspaces/w1/head', { token: bound }), 404);
    await expectStatus(call(undefined, 'GET', '/workspaces/w2/head', { token: bound }), 200);
    expect((await call(undefined, 'GET', '/workspaces', { token: bound })).json()).toMatchObject({ items: [{ id: 'w2' }] });
    await expectStatus(call(undefined, 'POST', '/workspaces', { json: { id: 'w3' }, token: bound }), 403);
  });

  it('are taken from the Authorization header alone', async () => {
    const { server, call } = await startServer();
    const token = 'token-of-owner';
    for (const headers of [
      { cookie: `authorization=Bearer ${token}` },
      { 'x-token': token },
      { authorization: token },
      { authorization: `Basic ${token}` },
      { authorization: `Bearer ${token} ${token}` },
    ])
      expect((await server.app.inject({ url: `/v1/workspaces?token=${token}`, headers })).statusCode).toBe(401);
    await expectStatus(call('owner', 'GET', '/workspaces'), 200);
  });
});

describe('origins', () => {
  it('that are not listed can change nothing and read nothing', async () => {
    const { call, server } = await withWorkspace({ origins: ['https://app.example'] });
    for (const origin of [
      'https://evil.example',
      'null',
      'https://app.example.evil.example',
      'http://app.example',
      'https://app.example:444',
    ]) {
      const write = await expectStatus(call('owner', 'POST', '/workspaces', { json: { id: 'w2' }, headers: { origin } }), 403);
      const read = await call('owner', 'GET', '/workspaces/w1', { headers: { origin } });
      const preflight = await server.app.inject({
        method: 'OPTIONS',
        url: '/v1/workspaces',
        headers: { origin, 'access-control-request-method': 'POST' },
      });
      for (const reply of [write, read, preflight]) expect(reply.headers['access-control-allow-origin']).toBeUndefined();
    }
    const origin = 'https://app.example';
    const reply = await expectStatus(call('owner', 'POST', '/workspaces', { json: { id: 'w2' }, headers: { origin } }), 201);
    expect(reply.headers['access-control-allow-origin']).toBe(origin);
    expect(reply.headers['access-control-allow-credentials']).toBeUndefined();
    const preflight = await server.app.inject({
      method: 'OPTIONS',
      url: '/v1/workspaces/w1',
      headers: { origin, 'access-control-request-method': 'DELETE' },
    });
    expect(preflight.headers['access-control-allow-origin']).toBe(origin);
    expect(preflight.headers['access-control-allow-methods']).toContain('DELETE');
  });
});

describe('the server', () => {
  it.each(['0.0.0.0', '::', '192.168.1.5', 'example.org', '127.0.0.1.example.org'])('does not listen on %s in the clear', async (host) => {
    const { server } = await startServer();
    await expect(server.listen({ host })).rejects.toMatchObject({ code: 'denied' });
  });

  it('listens beyond this machine when told how it is safe', async () => {
    for (const options of [{ insecure: true }, { trustedProxies: ['10.0.0.1'] }]) {
      const { server } = await startServer(options);
      await server.listen({ host: '0.0.0.0' });
      expect(server.address()).toMatch(/^http:\/\/0\.0\.0\.0:\d+$/);
    }
  });

  it('shows its metrics to this machine, or to who has their token', async () => {
    const { server } = await startServer();
    const ask = async (headers: Record<string, string>, remoteAddress = '127.0.0.1') =>
      (await server.app.inject({ url: '/metrics', headers, remoteAddress })).statusCode;
    expect(await ask({})).toBe(200);
    expect(await ask({}, '10.1.2.3')).toBe(403);
    expect(await ask({ 'x-forwarded-for': '10.1.2.3' })).toBe(403);
  });

  it('says whether it lives and whether it is ready, without a token', async () => {
    let full = false;
    const ready = () => (full ? Promise.reject(new StoreError('unavailable', 'the disk is full')) : Promise.resolve());
    const { server } = await startServer({ ready });
    expect((await server.app.inject('/livez')).statusCode).toBe(200);
    expect((await server.app.inject('/readyz')).json()).toEqual({ ok: true });
    full = true;
    const refused = await server.app.inject('/readyz');
    expect([refused.statusCode, refused.json()]).toEqual([503, { ok: false }]);
    expect((await server.app.inject('/livez')).statusCode).toBe(200);
  });

  it('describes its routes', async () => {
    const { server } = await startServer();
    const page = await server.app.inject({ url: '/docs', headers: { accept: 'text/html' } });
    expect([200, 301, 302]).toContain(page.statusCode);
    const { paths } = (server.app as unknown as { swagger: () => unknown }).swagger() as { paths: Record<string, object> };
    expect(Object.keys(paths)).toContain('/v1/workspaces/{workspace}/operations');
  });
});
