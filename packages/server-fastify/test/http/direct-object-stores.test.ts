import { randomBytes } from 'node:crypto';
import { azureBlobStore } from '@spacestore/blob-azure';
import { s3BlobStore } from '@spacestore/blob-s3';
import type { BlobStore } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { newContainer } from '../../../blob-azure/test/support/azurite.ts';
import { newPlace } from '../../../blob-s3/test/bucket.ts';
import { gateway, gatewayMissing } from '../../../blob-s3/test/gateway.ts';
import { expectStatus, type Harness, hashOf, withWorkspace } from '../support/harness.ts';

const requireAll = process.env.SPACESTORE_REQUIRE_ALL === '1';
const stores: readonly (readonly [name: string, missing: string | undefined, open: () => Promise<BlobStore>])[] = [
  ['S3', gatewayMissing, async () => s3BlobStore(await newPlace(await gateway()))],
  ['Azure', undefined, async () => azureBlobStore(await newContainer())],
];

interface Granted {
  readonly request: { readonly url: string; readonly method: string; readonly headers: Record<string, string> };
  readonly upload: string;
}

const send = async ({ url, headers }: Granted['request'], body: Uint8Array<ArrayBuffer>, more: RequestInit = {}): Promise<number> => {
  const response = await fetch(url, { method: 'PUT', headers, body, ...more });
  await response.body?.cancel();
  return response.status;
};
const refused = (status: number): boolean => status >= 400 && status < 500;
const commit = ({ call }: Harness, path: string, upload: string) => call('editor', 'POST', `${path}/commit`, { json: { upload } });

describe.each(stores)('direct files in %s', (_, missing, open) => {
  const test = it.skipIf(missing !== undefined && !requireAll);
  const bytes = new Uint8Array(randomBytes(300_000));
  const path = `/workspaces/w1/files/static/${hashOf(bytes)}`;
  const grant = async ({ call }: Harness, at = path, sizeBytes = bytes.length): Promise<Granted> =>
    (
      await expectStatus(call('editor', 'POST', `${at}/upload`, { json: { sizeBytes, mimeType: 'image/png', name: 'a.png' } }), 201)
    ).json() as Granted;

  test('go past the server both ways, and count once they are committed', async () => {
    const server = await withWorkspace({ blobs: await open() });
    const { request, upload } = await grant(server);
    expect(request.url).toMatch(/^http/);
    await expectStatus(commit(server, path, upload), 404);
    expect(await send(request, bytes)).toBeLessThan(300);
    await expectStatus(server.call('viewer', 'GET', path), 404);
    expect((await expectStatus(commit(server, path, upload), 200)).json()).toMatchObject({ sizeBytes: bytes.length, name: 'a.png' });
    await expectStatus(commit(server, path, upload), 200);
    expect((await server.call('owner', 'GET', '/workspaces/w1/usage')).json()).toMatchObject({ files: 1, fileBytes: bytes.length });
    const { url } = (await expectStatus(server.call('viewer', 'POST', `${path}/download`, { json: { name: 'bär.png' } }), 200)).json() as {
      url: string;
    };
    const got = await fetch(url);
    expect(got.headers.get('content-disposition')).toContain('attachment');
    expect(hashOf(new Uint8Array(await got.arrayBuffer()))).toBe(hashOf(bytes));
  });

  test('do not count with other bytes, however they got there', async () => {
    const server = await withWorkspace({ blobs: await open() });
    const other = bytes.slice();
    other[5] = (other[5] as number) ^ 1;
    for (const body of [other, bytes.slice(1)]) {
      const { request, upload } = await grant(server);
      const status = await send(request, body as Uint8Array<ArrayBuffer>);
      expect([body.length, (await commit(server, path, upload)).statusCode]).toEqual([body.length, refused(status) ? 404 : 400]);
      await expectStatus(server.call('viewer', 'GET', path), 404);
    }
    expect((await server.call('owner', 'GET', '/workspaces/w1/usage')).json()).toMatchObject({ fileBytes: expect.any(Number) });
  });

  test('are worth nothing with a link that was changed, for another method, or another object', async () => {
    const server = await withWorkspace({ blobs: await open() });
    await expectStatus(server.call('editor', 'PUT', path, { body: Buffer.from(bytes) }), 201);
    const other = `/workspaces/w1/files/static/${hashOf('other')}`;
    const { request, upload } = await grant(server, other, 5);
    const download = (await server.call('viewer', 'POST', `${path}/download`, { json: {} })).json() as Granted['request'];
    const body = new TextEncoder().encode('other');
    // The path of another object, one character of each part of the signature, another method.
    const changed = (url: string, edit: (parsed: URL) => void): string => {
      const parsed = new URL(url);
      edit(parsed);
      return parsed.href;
    };
    const flip = (text: string): string => text.replace(/[0-9a-zA-Z](?=[^0-9a-zA-Z]*$)/, (last) => (last === '1' ? '2' : '1'));
    const names = [...new URL(request.url).searchParams.keys()].filter((name) => !/^x-id$/i.test(name));
    expect(names.length).toBeGreaterThan(4);
    for (const name of names) {
      const url = changed(request.url, (parsed) => parsed.searchParams.set(name, flip(parsed.searchParams.get(name) as string)));
      expect([name, refused(await send({ ...request, url }, body))]).toEqual([name, true]);
    }
    expect(
      refused(await send({ ...request, url: changed(request.url, (parsed) => (parsed.pathname = flip(parsed.pathname))) }, body)),
    ).toBe(true);
    expect(refused(await send(request, body, { method: 'DELETE' }))).toBe(true);
    expect(refused(await send({ ...request, url: download.url }, body))).toBe(true);
    expect(refused(await send({ ...request, url: download.url }, body, { method: 'DELETE' }))).toBe(true);
    await expectStatus(commit(server, other, upload), 404); // nothing of it arrived
    expect(hashOf(new Uint8Array(await (await fetch(download.url)).arrayBuffer()))).toBe(hashOf(bytes));
    expect(await send(request, body)).toBeLessThan(300);
    await expectStatus(commit(server, other, upload), 200);
  });
});
