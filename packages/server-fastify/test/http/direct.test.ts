import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderBlobStore } from '@spacestore/blob-fs';
import type { BlobStore } from '@spacestore/core';
import { keyRing } from '@spacestore/core/layers';
import { memoryBlobStore } from '@spacestore/core/memory';
import { afterEach, describe, expect, it } from 'vitest';
import { expectStatus, type Harness, hashOf, type User, withWorkspace } from '../support/harness.ts';
import { presigningBlobs } from '../support/presigning-blobs.ts';

const bytes = randomBytes(50_000);
const path = `/workspaces/w1/files/static/${hashOf(bytes)}`;
const keys = keyRing([new Uint8Array(32).map((_, i) => i)]);

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

const stores: readonly (readonly [string, () => Promise<BlobStore>])[] = [
  ['memory', () => Promise.resolve(memoryBlobStore())],
  [
    'a folder',
    async () => {
      folders.push(await mkdtemp(join(tmpdir(), 'spacestore-direct-')));
      return folderBlobStore({ dir: folders.at(-1) as string });
    },
  ],
];

interface Grant {
  readonly request: { readonly url: string; readonly method: string; readonly headers: Record<string, string>; readonly expiresAt: number };
  readonly upload: string;
}

const grantFor = async ({ call }: Harness, user: User = 'editor', sizeBytes = bytes.length, at = path): Promise<Grant> =>
  (
    await expectStatus(call(user, 'POST', `${at}/upload`, { json: { sizeBytes, mimeType: 'image/png', name: 'a.png' } }), 201)
  ).json() as Grant;
const send = ({ server }: Harness, url: string, body: Buffer, method = 'PUT') =>
  server.app.inject({ method: method as 'PUT', url, payload: body });
const usage = async ({ call }: Harness): Promise<unknown> => {
  const { files, fileBytes } = (await call('owner', 'GET', '/workspaces/w1/usage')).json() as { files: number; fileBytes: number };
  return { files, fileBytes };
};
const start = async (open: () => Promise<BlobStore>, more: object = {}): Promise<Harness> =>
  withWorkspace({ blobs: await open(), keys, ...more });

describe.each(stores)('links to files kept in %s', (_, open) => {
  it('take an upload without a token, which counts for the quota from its grant on', async () => {
    const server = await start(open);
    const granted = await grantFor(server);
    expect(granted.request).toMatchObject({ method: 'PUT', headers: {}, expiresAt: server.now.value + 300_000 });
    expect(await usage(server)).toEqual({ files: 1, fileBytes: 50_000 });
    await expectStatus(server.call('viewer', 'GET', path), 404); // nothing counts before it is there
    await expectStatus(server.call('editor', 'POST', `${path}/commit`, { json: { upload: granted.upload } }), 404);
    await expectStatus(send(server, granted.request.url, bytes), 201);
    const committed = await expectStatus(server.call('editor', 'POST', `${path}/commit`, { json: { upload: granted.upload } }), 200);
    expect(committed.json()).toMatchObject({ id: hashOf(bytes), sizeBytes: 50_000, mimeType: 'image/png', name: 'a.png' });
    const again = await expectStatus(server.call('editor', 'POST', `${path}/commit`, { json: { upload: granted.upload } }), 200);
    expect(again.json()).toEqual(committed.json());
    expect(await usage(server)).toEqual({ files: 1, fileBytes: 50_000 });
    expect((await server.call('viewer', 'GET', path)).rawPayload.equals(bytes)).toBe(true);
    const there = await expectStatus(server.call('editor', 'POST', `${path}/upload`, { json: { sizeBytes: bytes.length } }), 200);
    expect(there.json()).toMatchObject({ file: { id: hashOf(bytes) } });
  });

  it('give a download under the name that was asked for, also by range', async () => {
    const server = await start(open);
    await expectStatus(server.call('editor', 'PUT', path, { body: bytes, headers: { 'content-type': 'image/png' } }), 201);
    const { url } = (await expectStatus(server.call('viewer', 'POST', `${path}/download`, { json: { name: 'bär.png' } }), 200)).json() as {
      url: string;
    };
    const got = await expectStatus(server.server.app.inject({ url }), 200);
    expect(got.rawPayload.equals(bytes)).toBe(true);
    expect(got.headers).toMatchObject({
      'content-type': 'image/png',
      'content-disposition': "attachment; filename*=UTF-8''b%C3%A4r.png",
      'content-security-policy': "default-src 'none'; sandbox",
    });
    const part = await expectStatus(server.server.app.inject({ url, headers: { range: 'bytes=10-19' } }), 206);
    expect(part.rawPayload.equals(bytes.subarray(10, 20))).toBe(true);
  });

  it('end at their moment, by the clock of the server', async () => {
    const server = await start(open);
    const { request } = await grantFor(server);
    server.now.value = request.expiresAt;
    const late = await expectStatus(send(server, request.url, bytes), 403);
    expect(late.json()).toMatchObject({ error: { code: 'denied', context: { expiresAt: request.expiresAt } } });
    server.now.value = request.expiresAt - 1;
    await expectStatus(send(server, request.url, bytes), 201);
    const { url, expiresAt } = (
      await expectStatus(server.call('viewer', 'POST', `${path}/download`, { json: { expiresInMs: 60_000 } }), 200)
    ).json() as { url: string; expiresAt: number };
    expect(expiresAt).toBe(server.now.value + 60_000);
    server.now.value = expiresAt + 1;
    await expectStatus(server.server.app.inject({ url }), 403);
    await expectStatus(server.call('viewer', 'POST', `${path}/download`, { json: { expiresInMs: 300_001 } }), 400);
  });

  it('are worth nothing once a part of them was changed', async () => {
    const server = await start(open);
    const other = randomBytes(50_000);
    const { request, upload } = await grantFor(server);
    const [header, payload, signature] = request.url.slice(request.url.indexOf('=') + 1).split('.') as [string, string, string];
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const tries: string[] = [];
    for (const change of [
      { method: 'GET' },
      { workspace: 'w2' },
      { since: 1 },
      { key: `static/${hashOf(other)}` },
      { user: 'owner' },
      { expiresAt: request.expiresAt + 1 },
      { sizeBytes: 50_001 },
      { scopes: { role: 'owner' } },
    ])
      tries.push(`${header}.${encoded({ ...claims, ...change })}.${signature}`);
    tries.push(`${encoded({ alg: 'none' })}.${payload}.`, `${encoded({ alg: 'none' })}.${payload}.${signature}`);
    tries.push(
      `${encoded({ alg: 'HS256', kid: '0'.repeat(16) })}.${payload}.${signature}`,
      `${header}.${payload}.${signature.slice(0, -2)}`,
    );
    tries.push(upload, '', 'x', 'a.b.c'); // a ticket for commit is no link
    for (const [index, link] of tries.entries()) {
      const reply = await send(server, `/v1/direct?link=${link}`, bytes);
      expect([index, reply.statusCode, await usage(server)]).toEqual([index, 403, { files: 1, fileBytes: 50_000 }]);
    }
    const ticket = upload.split('.') as [string, string, string];
    const changed = { ...(JSON.parse(Buffer.from(ticket[1], 'base64url').toString()) as object), key: `static/${hashOf(other)}` };
    await expectStatus(
      server.call('editor', 'POST', `/workspaces/w1/files/static/${hashOf(other)}/commit`, {
        json: { upload: `${ticket[0]}.${encoded(changed)}.${ticket[2]}` },
      }),
      403,
    );
    await expectStatus(
      server.call('editor', 'POST', `/workspaces/w1/files/static/${hashOf(other)}/commit`, { json: { upload } }), // whole, but of another file
      403,
    );
    await expectStatus(server.call('viewer', 'GET', path), 404);
    await expectStatus(send(server, request.url, bytes), 201);
  });

  it('are for one method, and a download link deletes and writes nothing', async () => {
    const server = await start(open);
    await expectStatus(server.call('editor', 'PUT', path, { body: bytes }), 201);
    const { url } = (await server.call('viewer', 'POST', `${path}/download`, { json: {} })).json() as { url: string };
    for (const method of ['PUT', 'DELETE', 'POST', 'PATCH'])
      expect([method, (await send(server, url, bytes, method)).statusCode]).toEqual([method, method === 'PUT' ? 403 : 404]);
    expect((await server.server.app.inject({ url })).statusCode).toBe(200);
    // A replayed upload neither overwrites nor, after a deletion, comes from anybody who may not upload any more.
    const other = randomBytes(10);
    const at = `/workspaces/w1/files/static/${hashOf(other)}`;
    const { request } = await grantFor(server, 'editor', 10, at);
    await expectStatus(send(server, request.url, other), 201);
    await expectStatus(send(server, request.url, other), 409);
    await expectStatus(server.call('admin', 'DELETE', at), 204);
    await expectStatus(server.call('owner', 'PUT', '/workspaces/w1/members/editor', { json: { role: 'viewer' } }), 200);
    await expectStatus(send(server, request.url, other), 403);
    await expectStatus(server.call('owner', 'DELETE', '/workspaces/w1/members/editor'), 200);
    await expectStatus(send(server, request.url, other), 404);
    await expectStatus(server.call('owner', 'GET', at), 404);
  });

  it('take exactly the bytes they were granted for', async () => {
    const server = await start(open);
    const { request, upload } = await grantFor(server);
    const wrong = Buffer.from(bytes);
    wrong[7] = (wrong[7] as number) ^ 1;
    for (const body of [wrong, bytes.subarray(1), Buffer.concat([bytes, Buffer.from('x')]), Buffer.alloc(0)]) {
      await expectStatus(send(server, request.url, body), 400);
      await expectStatus(server.call('editor', 'POST', `${path}/commit`, { json: { upload } }), 404);
    }
    await expectStatus(server.call('viewer', 'GET', path), 404);
    expect(await usage(server)).toEqual({ files: 1, fileBytes: 50_000 }); // the grant still stands
    await expectStatus(send(server, request.url, bytes), 201);
    expect(await usage(server)).toEqual({ files: 1, fileBytes: 50_000 });
  });

  it('lead nowhere in another workspace, or in a later one of the same name', async () => {
    const server = await start(open);
    const { call } = server;
    const { request, upload } = await grantFor(server, 'owner');
    await expectStatus(call('owner', 'POST', '/workspaces', { json: { id: 'w2' } }), 201);
    const inOther = path.replace('w1', 'w2');
    await expectStatus(call('owner', 'POST', `${inOther}/commit`, { json: { upload } }), 403);
    await expectStatus(call('stranger', 'POST', `${path}/upload`, { json: { sizeBytes: 1 } }), 404);
    await expectStatus(call('viewer', 'POST', `${path}/upload`, { json: { sizeBytes: 1 } }), 403);
    await expectStatus(call('stranger', 'POST', `${path}/download`, { json: {} }), 404);
    await expectStatus(call('owner', 'DELETE', '/workspaces/w1'), 204);
    await expectStatus(send(server, request.url, bytes), 404);
    server.now.value++;
    await expectStatus(call('owner', 'POST', '/workspaces', { json: { id: 'w1' } }), 201);
    await expectStatus(send(server, request.url, bytes), 404);
    await expectStatus(call('owner', 'POST', `${path}/commit`, { json: { upload } }), 403);
  });

  it('are refused for mutable files, too large ones, and beyond the quota, to which lapsed grants give their room back', async () => {
    const server = await start(open, { limits: { workspaceFileBytes: 80_000, fileBytes: 60_000 } });
    const { call } = server;
    const uuid = '0f8fad5bd9cb469fa16570867728950e';
    await expectStatus(call('editor', 'POST', `/workspaces/w1/files/var/${uuid}/upload`, { json: { sizeBytes: 1 } }), 501);
    await expectStatus(call('editor', 'POST', `${path}/upload`, { json: { sizeBytes: 60_001 } }), 413);
    await grantFor(server);
    const other = `/workspaces/w1/files/static/${hashOf('other')}`;
    await expectStatus(call('editor', 'POST', `${other}/upload`, { json: { sizeBytes: 50_000 } }), 507);
    await grantFor(server, 'editor', 30_000, other);
    expect(await usage(server)).toEqual({ files: 2, fileBytes: 80_000 });
    server.now.value += 600_001;
    const third = `/workspaces/w1/files/static/${hashOf('third')}`;
    await grantFor(server, 'editor', 60_000, third);
    expect(await usage(server)).toEqual({ files: 1, fileBytes: 60_000 });
  });

  it('know each other over a restart with the same keys alone', async () => {
    const blobs = await open();
    const server = await withWorkspace({ blobs, keys });
    const { request } = await grantFor(server);
    const foreign = await withWorkspace({ blobs: await open(), keys: keyRing([randomBytes(32)]) });
    await expectStatus(send(foreign, request.url, bytes), 403);
    const rotated = await withWorkspace({
      blobs: await open(),
      keys: keyRing([new Uint8Array(32).map((_, i) => 255 - i), new Uint8Array(32).map((_, i) => i)]),
    });
    await expectStatus(send(rotated, request.url, bytes), 201);
  });
});

describe('files in a store that gives links itself', () => {
  it('count once they are committed, and never go through the server', async () => {
    const { blobs, send: deliver } = presigningBlobs();
    const server = await start(() => Promise.resolve(blobs));
    const { request, upload } = await grantFor(server);
    expect(request).toMatchObject({ url: expect.stringMatching(/^https:\/\/blobs\.example\//), headers: { 'content-type': 'image/png' } });
    expect(await usage(server)).toEqual({ files: 1, fileBytes: 50_000 });
    const commit = () => server.call('editor', 'POST', `${path}/commit`, { json: { upload } });
    await expectStatus(commit(), 404);
    await deliver(request.url, bytes);
    await expectStatus(server.call('viewer', 'GET', path), 404);
    expect((await expectStatus(commit(), 200)).json()).toMatchObject({ sizeBytes: 50_000, mimeType: 'image/png', name: 'a.png' });
    await expectStatus(commit(), 200);
    expect(await usage(server)).toEqual({ files: 1, fileBytes: 50_000 });
    const { url } = (await server.call('viewer', 'POST', `${path}/download`, { json: {} })).json() as { url: string };
    expect(url).toContain('name=a.png');
  });

  it('are refused at commit with other bytes, and give their room back', async () => {
    const { blobs, send: deliver } = presigningBlobs();
    const server = await start(() => Promise.resolve(blobs));
    for (const wrong of [randomBytes(50_000), bytes.subarray(1)]) {
      const { request, upload } = await grantFor(server);
      await deliver(request.url, wrong);
      await expectStatus(server.call('editor', 'POST', `${path}/commit`, { json: { upload } }), 400);
      expect(await usage(server)).toEqual({ files: 0, fileBytes: 0 });
      await expectStatus(server.call('editor', 'POST', `${path}/commit`, { json: { upload } }), 404);
    }
    await expectStatus(server.call('viewer', 'GET', path), 404);
  });

  it('may be committed after their grant lapsed, within the quota', async () => {
    const { blobs, send: deliver } = presigningBlobs();
    const server = await start(() => Promise.resolve(blobs), { limits: { workspaceFileBytes: 60_000 } });
    const { request, upload } = await grantFor(server);
    await deliver(request.url, bytes);
    server.now.value += 600_001;
    const other = `/workspaces/w1/files/static/${hashOf('other')}`;
    await grantFor(server, 'editor', 60_000, other); // takes the room of the first
    await expectStatus(server.call('editor', 'POST', `${path}/commit`, { json: { upload } }), 507);
    server.now.value += 600_001;
    await expectStatus(server.call('editor', 'POST', `${path}/commit`, { json: { upload } }), 200); // the second lapsed as well
    expect(await usage(server)).toEqual({ files: 1, fileBytes: 50_000 });
  });
});

it('a server does not start with links that are good for more than an hour', async () => {
  await expect(withWorkspace({ limits: { linkMs: 3_600_001 } })).rejects.toMatchObject({ code: 'invalid' });
});
