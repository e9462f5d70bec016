import { describe, expect, it } from 'vitest';
import { type Action, isAllowed, roles } from '../../src/permissions.ts';
import { expectStatus, hashOf, startServer, withWorkspace } from '../support/harness.ts';

// Every route under /v1 with what it asks; a route that is missing here, or asks something else, fails the first test.
const routes: readonly (readonly [method: string, path: string, action: Action | 'authenticated' | 'signed'])[] = [
  ['POST', '/workspaces', 'authenticated'],
  ['GET', '/workspaces', 'authenticated'],
  ['GET', '/workspaces/:workspace', 'read'],
  ['PATCH', '/workspaces/:workspace', 'settings.change'],
  ['DELETE', '/workspaces/:workspace', 'workspace.delete'],
  ['GET', '/workspaces/:workspace/members', 'members.manage'],
  ['PUT', '/workspaces/:workspace/members/:user', 'members.manage'],
  ['DELETE', '/workspaces/:workspace/members/:user', 'members.manage'],
  ['POST', '/workspaces/:workspace/transfer', 'transfer'],
  ['POST', '/workspaces/:workspace/operations', 'append'],
  ['GET', '/workspaces/:workspace/operations', 'read'],
  ['POST', '/workspaces/:workspace/operations/query', 'read'],
  ['POST', '/workspaces/:workspace/operations/stream', 'append'],
  ['GET', '/workspaces/:workspace/head', 'read'],
  ['GET', '/workspaces/:workspace/trees', 'read'],
  ['GET', '/workspaces/:workspace/vector', 'read'],
  ['POST', '/workspaces/:workspace/vector/query', 'read'],
  ['GET', '/workspaces/:workspace/files', 'read'],
  ['GET', '/workspaces/:workspace/files/:kind/:id', 'read'],
  ['HEAD', '/workspaces/:workspace/files/:kind/:id', 'read'],
  ['PUT', '/workspaces/:workspace/files/:kind/:id', 'append'],
  ['DELETE', '/workspaces/:workspace/files/:kind/:id', 'files.delete'],
  ['GET', '/workspaces/:workspace/files/:kind/:id/metadata', 'read'],
  ['PATCH', '/workspaces/:workspace/files/:kind/:id/metadata', 'append'],
  ['POST', '/workspaces/:workspace/files/sweep', 'files.delete'],
  ['POST', '/workspaces/:workspace/files/:kind/:id/upload', 'append'],
  ['POST', '/workspaces/:workspace/files/:kind/:id/commit', 'append'],
  ['POST', '/workspaces/:workspace/files/:kind/:id/download', 'read'],
  ['GET', '/direct', 'signed'],
  ['PUT', '/direct', 'signed'],
  ['GET', '/workspaces/:workspace/secrets', 'secrets.read'],
  ['GET', '/workspaces/:workspace/secrets/:name', 'secrets.read'],
  ['PUT', '/workspaces/:workspace/secrets/:name', 'secrets.write'],
  ['DELETE', '/workspaces/:workspace/secrets/:name', 'secrets.write'],
  ['GET', '/workspaces/:workspace/secret-values', 'secrets.read'],
  ['PUT', '/workspaces/:workspace/secret-values', 'secrets.write'],
  ['POST', '/workspaces/:workspace/import', 'import'],
  ['GET', '/workspaces/:workspace/export', 'export'],
  ['GET', '/workspaces/:workspace/backup', 'backup'],
  ['POST', '/workspaces/:workspace/restore', 'restore'],
  ['POST', '/workspaces/:workspace/backups', 'backup'],
  ['GET', '/workspaces/:workspace/backups', 'backup'],
  ['POST', '/workspaces/:workspace/backups/:sequence/restore', 'restore'],
  ['GET', '/workspaces/:workspace/audit', 'audit.read'],
  ['GET', '/workspaces/:workspace/audit/verify', 'audit.read'],
  ['GET', '/workspaces/:workspace/usage', 'usage.read'],
];

const inWorkspace = routes.filter(([, , action]) => action !== 'authenticated' && action !== 'signed');
const pathOf = (path: string, workspace: string): string =>
  path
    .slice('/workspaces'.length)
    .replace('/:workspace', `/workspaces/${workspace}`)
    .replace(':user', 'somebody')
    .replace(':name', 'n')
    .replace(':kind', 'static')
    .replace(':id', hashOf('x'))
    .replace(':sequence', 'latest');

describe('every route', () => {
  it('is known with the right it asks', async () => {
    const { server } = await startServer();
    const found = server.app.routeActions
      .filter(({ url }) => url.startsWith('/v1'))
      .map(({ method, url, action }) => `${method} ${url} ${action}`);
    expect(found.sort()).toEqual(routes.map(([method, path, action]) => `${method} /v1${path} ${action}`).sort());
    const open = server.app.routeActions.filter(({ url }) => !/^\/(v1|docs)(\/|$)/.test(url)).map(({ method, url }) => `${method} ${url}`);
    expect(open.sort()).toEqual(['GET /livez', 'GET /metrics', 'GET /readyz', 'OPTIONS *']);
  });

  it('answers 401 without a token, and before it reads a body', async () => {
    const { call } = await withWorkspace();
    for (const [method, path, action] of routes) {
      if (action === 'signed') continue;
      const reply = await call(undefined, method, path.includes(':') ? pathOf(path, 'w1') : path, {
        body: 'not json',
        headers: { 'content-type': 'application/json' },
      });
      expect([method, path, reply.statusCode]).toEqual([method, path, 401]);
    }
  });

  it('that takes a link answers 403 to any other, and to a token, before it reads a body', async () => {
    const { call } = await withWorkspace();
    for (const [method, path] of routes.filter(([, , action]) => action === 'signed'))
      for (const user of ['owner', undefined] as const) {
        const reply = await call(user, method, `${path}?link=x.y.z`, { body: 'any', headers: { 'content-type': 'application/json' } });
        expect([method, path, reply.statusCode]).toEqual([method, path, 403]);
      }
  });

  it('answers a stranger exactly as if the workspace did not exist', async () => {
    const { call } = await withWorkspace();
    for (const [method, path] of inWorkspace) {
      const options = { body: '{}', headers: { 'content-type': 'application/json' } };
      const [there, gone] = [
        await call('stranger', method, pathOf(path, 'w1'), options),
        await call('stranger', method, pathOf(path, 'w9'), options),
      ];
      const seen = ({ statusCode, headers, rawPayload }: typeof there) => ({
        statusCode,
        headers: { ...headers, date: '' },
        body: rawPayload.toString('hex'),
      });
      expect([method, path, there.statusCode]).toEqual([method, path, 404]);
      expect(seen(there)).toEqual(seen(gone));
    }
  });

  it.each(roles)('answers 403 to %s exactly where the table says so', async (role) => {
    const { call } = await withWorkspace();
    for (const [method, path, action] of inWorkspace) {
      if (isAllowed(role, action as Action)) continue;
      const reply = await call(role, method, pathOf(path, 'w1'), { body: '{}', headers: { 'content-type': 'application/json' } });
      expect([role, method, path, reply.statusCode]).toEqual([role, method, path, 403]);
      if (method !== 'HEAD') expect(reply.json()).toMatchObject({ error: { code: 'denied', context: { action } } });
    }
  });

  it.each(roles)('lets %s through where the table says so', async (role) => {
    const { call } = await withWorkspace();
    const lastly = inWorkspace.filter(([, , action]) => action === 'workspace.delete');
    for (const [method, path, action] of [...inWorkspace.filter((route) => !lastly.includes(route)), ...lastly]) {
      if (!isAllowed(role, action as Action)) continue;
      const reply = await call(role, method, pathOf(path, 'w1'), { body: '{}', headers: { 'content-type': 'application/json' } });
      expect([role, method, path, [401, 403].includes(reply.statusCode)]).toEqual([role, method, path, false]);
      if (reply.statusCode === 404 && method !== 'HEAD')
        expect(reply.json()).not.toMatchObject({ error: { message: 'no such workspace' } });
    }
  });

  it('that does not name an action keeps the server from starting', async () => {
    const { server } = await startServer();
    expect(() => server.app.route({ method: 'GET', url: '/v1/open', handler: () => 'all of it' })).toThrow();
  });

  it('that does not exist is 404 for members too', async () => {
    const { call } = await withWorkspace();
    await expectStatus(call('owner', 'GET', '/workspaces/w1/nothing'), 404);
    await expectStatus(call('owner', 'HEAD', '/workspaces/w1'), 404);
  });
});
