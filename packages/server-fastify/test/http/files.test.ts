import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { expectStatus, hashOf, tokenOf, withWorkspace } from '../support/harness.ts';

const uuid = '0F8FAD5B-D9CB-469F-A165-70867728950E';
const files = '/workspaces/w1/files';

describe('static files', () => {
  const bytes = randomBytes(100_000);
  const path = `${files}/static/${hashOf(bytes)}`;

  it('come back as they were put, as a download', async () => {
    const { call } = await withWorkspace();
    const made = await expectStatus(
      call('editor', 'PUT', `${path}?name=b%C3%A4r%22.png`, { body: bytes, headers: { 'content-type': 'image/png' } }),
      201,
    );
    expect(made.json()).toMatchObject({ kind: 'static', id: hashOf(bytes), sizeBytes: 100_000, mimeType: 'image/png', name: 'bär".png' });
    const got = await expectStatus(call('viewer', 'GET', path), 200);
    expect(got.rawPayload.equals(bytes)).toBe(true);
    expect(got.headers).toMatchObject({
      'content-type': 'image/png',
      'content-length': '100000',
      'content-disposition': "attachment; filename*=UTF-8''b%C3%A4r%22.png",
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
      etag: made.headers.etag,
    });
    const head = await expectStatus(call('viewer', 'HEAD', path), 200);
    expect(head.headers).toMatchObject({ 'content-length': '100000', etag: made.headers.etag });
    expect(head.body).toBe('');
  });

  it('are refused with other bytes than their hash says, and leave nothing', async () => {
    const { call } = await withWorkspace();
    await expectStatus(call('editor', 'PUT', path, { body: randomBytes(10) }), 400);
    await expectStatus(call('editor', 'GET', path), 404);
    expect((await call('editor', 'GET', files)).json()).toEqual({ items: [] });
    expect((await call('owner', 'GET', '/workspaces/w1/usage')).json()).toMatchObject({ files: 0, fileBytes: 0 });
  });

  it('are handed out by range', async () => {
    const { call } = await withWorkspace();
    const {
      headers: { etag },
    } = await expectStatus(call('editor', 'PUT', path, { body: bytes }), 201);
    const range = (value: string, more: Record<string, string> = {}) => call('viewer', 'GET', path, { headers: { range: value, ...more } });
    for (const [header, from, to] of [
      ['bytes=0-0', 0, 1],
      ['bytes=10-19', 10, 20],
      ['bytes=99990-', 99_990, 100_000],
      ['bytes=-7', 99_993, 100_000],
      ['bytes=99990-200000', 99_990, 100_000],
    ] as const) {
      const part = await expectStatus(range(header), 206);
      expect(part.rawPayload.equals(bytes.subarray(from, to))).toBe(true);
      expect(part.headers['content-range']).toBe(`bytes ${from}-${to - 1}/100000`);
    }
    expect((await expectStatus(range('bytes=100000-'), 416)).headers['content-range']).toBe('bytes */100000');
    for (const ignored of ['bytes=5-2', 'bytes=0-1,5-6', 'lines=1-2', 'bytes=-', 'bytes=a-b'])
      expect((await expectStatus(range(ignored), 200)).rawPayload.length).toBe(100_000);
    await expectStatus(range('bytes=0-1', { 'if-range': etag as string }), 206);
    await expectStatus(range('bytes=0-1', { 'if-range': '"other"' }), 200);
  });

  it('answer 304 to who has them', async () => {
    const { call } = await withWorkspace();
    const {
      headers: { etag },
    } = await expectStatus(call('editor', 'PUT', path, { body: bytes }), 201);
    const again = await expectStatus(call('viewer', 'GET', path, { headers: { 'if-none-match': `"x", W/${etag}` } }), 304);
    expect(again.body).toBe('');
  });

  it('may be empty', async () => {
    const { call } = await withWorkspace();
    const empty = `${files}/static/${hashOf('')}`;
    await expectStatus(call('editor', 'PUT', empty), 201);
    expect((await expectStatus(call('viewer', 'GET', empty), 200)).rawPayload).toHaveLength(0);
    await expectStatus(call('viewer', 'GET', empty, { headers: { range: 'bytes=0-' } }), 416);
  });
});

describe('mutable files', () => {
  const path = `${files}/var/${uuid}`;

  it('are replaced by compare-and-set, under one id with or without dashes', async () => {
    const { call } = await withWorkspace();
    const first = await expectStatus(call('editor', 'PUT', path, { body: 'one', headers: { 'if-none-match': '*' } }), 201);
    await expectStatus(call('editor', 'PUT', path, { body: 'two', headers: { 'if-none-match': '*' } }), 409);
    const plain = `${files}/var/${uuid.replaceAll('-', '').toLowerCase()}`;
    const second = await expectStatus(
      call('editor', 'PUT', plain, { body: 'second', headers: { 'if-match': first.headers.etag as string } }),
      201,
    );
    await expectStatus(call('editor', 'PUT', path, { body: 'lost', headers: { 'if-match': first.headers.etag as string } }), 409);
    expect((await call('viewer', 'GET', path)).body).toBe('second');
    expect((await call('owner', 'GET', '/workspaces/w1/usage')).json()).toMatchObject({ files: 1, fileBytes: 6 });
    await expectStatus(call('admin', 'DELETE', path, { headers: { 'if-match': first.headers.etag as string } }), 409);
    expect((await call('viewer', 'GET', path)).body).toBe('second');
    await expectStatus(call('admin', 'DELETE', path, { headers: { 'if-match': second.headers.etag as string } }), 204);
    await expectStatus(call('viewer', 'GET', path), 404);
    await expectStatus(call('admin', 'DELETE', path), 204);
    expect((await call('owner', 'GET', '/workspaces/w1/usage')).json()).toMatchObject({ files: 0, fileBytes: 0 });
  });

  it('keep what is said about them through a replacement, and let it be changed', async () => {
    const { call } = await withWorkspace();
    await expectStatus(call('editor', 'PUT', `${path}?name=a.txt`, { body: 'one', headers: { 'content-type': 'text/plain' } }), 201);
    await expectStatus(call('editor', 'PATCH', `${path}/metadata`, { json: { name: 'b.txt', mimeType: null } }), 200);
    expect((await call('viewer', 'GET', `${path}/metadata`)).json()).toMatchObject({ kind: 'var', name: 'b.txt', sizeBytes: 3 });
    await expectStatus(call('editor', 'PUT', path, { body: 'longer' }), 201);
    expect((await call('viewer', 'GET', `${path}/metadata`)).json()).toMatchObject({ name: 'b.txt', sizeBytes: 6 });
    await expectStatus(call('viewer', 'PATCH', `${path}/metadata`, { json: { name: 'c' } }), 403);
    for (const name of ['a/b', 'a\\b', 'a\nb', '', 'x'.repeat(256)])
      await expectStatus(call('editor', 'PATCH', `${path}/metadata`, { json: { name } }), 400);
  });

  it('are listed by kind and page', async () => {
    const { call } = await withWorkspace();
    await expectStatus(call('editor', 'PUT', path, { body: 'v' }), 201);
    for (const text of ['a', 'b', 'c']) await expectStatus(call('editor', 'PUT', `${files}/static/${hashOf(text)}`, { body: text }), 201);
    const hashes = ['a', 'b', 'c'].map(hashOf).sort();
    const page = (await call('viewer', 'GET', `${files}?kind=static&limit=2`)).json() as {
      items: { id: string }[];
      next: { after: string };
    };
    expect(page.items.map(({ id }) => id)).toEqual(hashes.slice(0, 2));
    const rest = (await call('viewer', 'GET', `${files}?limit=10&after=${encodeURIComponent(page.next.after)}`)).json() as typeof page;
    expect(rest.items.map(({ id }) => id)).toEqual([hashes[2], uuid.replaceAll('-', '').toLowerCase()]);
  });
});

describe('quotas', () => {
  it('are reserved before bytes are taken, and given back', async () => {
    const { call } = await withWorkspace({ limits: { workspaceFileBytes: 100, workspaceFiles: 2 } });
    const put = (body: string) => call('editor', 'PUT', `${files}/static/${hashOf(body)}`, { body });
    await expectStatus(put('x'.repeat(60)), 201);
    expect((await expectStatus(put('y'.repeat(60)), 507)).json()).toMatchObject({ error: { code: 'quota' } });
    await expectStatus(put('x'.repeat(60)), 507); // even what is there already takes its room while it is sent
    await expectStatus(put('z'), 201);
    await expectStatus(put('w'), 507);
    await expectStatus(call('admin', 'DELETE', `${files}/static/${hashOf('z')}`), 204);
    await expectStatus(put('w'), 201);
    expect((await call('owner', 'GET', '/workspaces/w1/usage')).json()).toMatchObject({ files: 2, fileBytes: 61 });
  });

  it('hold for uploads that do not tell their length', async () => {
    const { server, call } = await withWorkspace({ limits: { fileBytes: 50_000 } });
    const address = new URL(await server.listen());
    const sent = await new Promise<number | undefined>((resolve, reject) => {
      const upload = request(
        {
          port: address.port,
          method: 'PUT',
          path: `/v1${files}/var/${uuid}`,
          headers: { authorization: `Bearer ${tokenOf('editor')}`, 'transfer-encoding': 'chunked' },
        },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      upload.on('error', reject);
      upload.write(Buffer.alloc(40_000));
      upload.end(Buffer.alloc(40_000));
    });
    expect(sent).toBe(413);
    expect((await call('owner', 'GET', '/workspaces/w1/usage')).json()).toMatchObject({ files: 0, fileBytes: 0 });
  });
});

it('an upload that breaks off leaves nothing, and the next one succeeds', async () => {
  const { server, call } = await withWorkspace();
  const address = new URL(await server.listen());
  await new Promise<void>((resolve) => {
    const upload = request({
      port: address.port,
      method: 'PUT',
      path: `/v1${files}/var/${uuid}`,
      headers: { authorization: `Bearer ${tokenOf('editor')}`, 'content-length': 1000 },
    });
    upload.on('error', () => resolve());
    upload.write(Buffer.alloc(10));
    const wait = async (): Promise<void> => {
      const usage = (await call('owner', 'GET', '/workspaces/w1/usage')).json() as { files: number };
      if (usage.files === 0) return delay(5).then(wait);
      upload.destroy(new Error('cable pulled'));
    };
    void wait();
  });
  const idle = async (): Promise<void> => {
    const usage = (await call('owner', 'GET', '/workspaces/w1/usage')).json() as { files: number };
    if (usage.files > 0) return delay(5).then(idle);
  };
  await idle();
  await expectStatus(call('viewer', 'GET', `${files}/var/${uuid}`), 404);
  await expectStatus(call('editor', 'PUT', `${files}/var/${uuid}`, { body: 'whole' }), 201);
  expect((await call('viewer', 'GET', `${files}/var/${uuid}`)).body).toBe('whole');
});
