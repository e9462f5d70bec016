import { inspect } from 'node:util';
import { BlobServiceClient } from '@azure/storage-blob';
import { type AzureBlobOptions, azureBlobStore } from '@spacestore/blob-azure';
import { type BlobStore, bytesSource, parseBlobRoot, readAll } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { newContainer } from './support/azurite.ts';
import { bytesOf, contentOf, fileKey, keyOf } from './support/contents.ts';
import { type Fault, faultyProxy } from './support/faulty-proxy.ts';

const root = parseBlobRoot('ada/notes');
const body = bytesOf(200_000);
const key = keyOf(body);

/** A store behind a proxy; without repetitions of its own unless told otherwise. */
async function behindProxy(options: Partial<AzureBlobOptions> = {}) {
  const { connectionString, container } = await newContainer();
  const { url } = BlobServiceClient.fromConnectionString(connectionString);
  const proxy = await faultyProxy(url);
  const way = connectionString.replace(/BlobEndpoint=[^;]*/, `BlobEndpoint=${proxy.url}${new URL(url).pathname}`);
  const store = await azureBlobStore({ connectionString: way, container, retries: 0, retryDelayMs: 1, ...options });
  const direct = await azureBlobStore({ connectionString, container });
  return { proxy, store, direct, connectionString };
}

const asked: Readonly<Record<string, (store: BlobStore) => Promise<unknown>>> = {
  head: (store) => store.head(root, key),
  get: async (store) => contentOf(store, root, key),
  'a part': async (store) => contentOf(store, root, key, { first: 5, last: 9 }),
  list: (store) => store.list(root, { limit: 5 }),
  put: (store) => store.put(root, fileKey(2), bytesSource(body)),
  delete: (store) => store.delete(root, key),
  drop: (store) => store.drop(root),
};

const failing: readonly (readonly [string, Fault, string])[] = [
  ['503 with Retry-After', { kind: 'answer', status: 503, headers: { 'retry-after': '1', 'x-ms-error-code': 'ServerBusy' } }, 'busy'],
  ['429', { kind: 'answer', status: 429 }, 'busy'],
  ['500', { kind: 'answer', status: 500, headers: { 'x-ms-error-code': 'InternalError' } }, 'unavailable'],
  ['502 by a proxy', { kind: 'answer', status: 502, body: '<html>Bad Gateway</html>' }, 'unavailable'],
  ['403', { kind: 'answer', status: 403, headers: { 'x-ms-error-code': 'AuthenticationFailed' } }, 'unavailable'],
  ['404 that is not about the blob', { kind: 'answer', status: 404 }, 'unavailable'],
  ['404 of the container', { kind: 'answer', status: 404, headers: { 'x-ms-error-code': 'ContainerNotFound' } }, 'unavailable'],
  [
    'a page of somebody else',
    { kind: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Log in</html>' },
    'unavailable',
  ],
  ['a cut connection', { kind: 'cut' }, 'unavailable'],
];

describe.each(failing)('%s', (_, fault, code) => {
  it.each(Object.entries(asked))('is an error of %s, and nothing is lost by it', async (name, call) => {
    const { proxy, store, direct } = await behindProxy();
    await direct.put(root, key, bytesSource(body));
    proxy.plan(/./, fault, 99);
    const problem = await call(store).then(
      (value) => expect.fail(`${name} resolved with ${inspect(value)}`),
      (error: unknown) => error,
    );
    expect(problem).toMatchObject({ code: expect.stringMatching(name === 'get' ? `^(${code}|corrupt)$` : code) });
    expect(await contentOf(direct, root, key)).toEqual(body);
    expect(await direct.head(root, fileKey(2))).toBeUndefined();
  });
});

describe('a body that does not arrive as it was put', () => {
  it.each<[string, Fault, string]>([
    ['cut in the middle', { kind: 'cut the body', afterBytes: 123_456 }, 'unavailable'],
    ['cut before it began', { kind: 'cut the body', afterBytes: 0 }, 'unavailable'],
    ['short, with a length that agrees', { kind: 'shorten the body', afterBytes: 123_456 }, 'corrupt'],
    ['with another bit', { kind: 'flip a bit', atByte: 199_999 }, 'corrupt'],
  ])('%s never ends as if it were all', async (_, fault, code) => {
    const { proxy, store, direct } = await behindProxy();
    for (const one of [key, fileKey(1)]) {
      await direct.put(root, one, bytesSource(body));
      proxy.plan(/GET blob/, fault);
      await expect(contentOf(store, root, one)).rejects.toMatchObject({ code });
      expect(await contentOf(store, root, one)).toEqual(body);
    }
  });

  it.each<[string, Fault]>([
    ['cut', { kind: 'cut the body', afterBytes: 10 }],
    ['short', { kind: 'shorten the body', afterBytes: 10 }],
  ])('is an error of a part, too: %s', async (_, fault) => {
    const { proxy, store, direct } = await behindProxy();
    await direct.put(root, key, bytesSource(body));
    proxy.plan(/GET blob/, fault);
    await expect(contentOf(store, root, key, { first: 100, last: 199 })).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('is an error of a listing, too', async () => {
    const { proxy, store, direct } = await behindProxy();
    for (const n of [1, 2, 3]) await direct.put(root, fileKey(n), bytesSource(body));
    for (const fault of [
      { kind: 'cut the body', afterBytes: 300 },
      { kind: 'answer', status: 200 },
    ] as const) {
      proxy.plan(/GET comp=list/, fault);
      await expect(store.list(root, { limit: 9 })).rejects.toMatchObject({ code: 'unavailable' });
    }
    expect((await store.list(root, { limit: 9 })).items).toHaveLength(3);
  });
});

describe('a block that is lost', () => {
  const inBlocks = { blockBytes: 20_000, retries: 3 };

  it.each<[string, Fault]>([
    ['by a 503', { kind: 'answer', status: 503 }],
    ['by a cut connection', { kind: 'cut' }],
    ['with its reply', { kind: 'lose the reply' }],
  ])('is sent again by itself: %s', async (_, fault) => {
    const { proxy, store } = await behindProxy(inBlocks);
    let opened = 0;
    const source = {
      open: () => {
        opened++;
        return bytesSource(body).open();
      },
    };
    proxy.plan(/PUT comp=block$/, fault, 2);
    await store.put(root, key, source);
    expect(opened).toBe(1);
    expect(proxy.seen.filter((name) => name === 'PUT comp=block')).toHaveLength(12);
    expect(await contentOf(store, root, key)).toEqual(body);
  });

  it('for good fails the put, of which nothing is visible', async () => {
    const { proxy, store, direct } = await behindProxy(inBlocks);
    proxy.plan(/PUT comp=block$/, { kind: 'answer', status: 503 }, 99);
    let left = false;
    const source = {
      open: async function* () {
        try {
          for (let at = 0; at < 50; at++) yield body;
        } finally {
          left = true;
        }
      },
    };
    await expect(store.put(root, fileKey(1), source)).rejects.toMatchObject({ code: 'busy' });
    expect(left).toBe(true);
    expect(await direct.head(root, fileKey(1))).toBeUndefined();
    expect((await direct.list(root, { limit: 9 })).items).toEqual([]);
  });
});

describe('a commit whose reply is lost', () => {
  it.each([
    ['at once', {}],
    ['in blocks', { blockBytes: 20_000 }],
  ])('and that is sent again is told as what it was, with and without a condition: %s', async (_, options) => {
    const { proxy, store, direct } = await behindProxy({ ...options, retries: 3 });
    const lose = (): void => proxy.plan(/PUT (blob|comp=blocklist)$/, { kind: 'lose the reply' });
    lose();
    const first = await store.put(root, fileKey(1), bytesSource(body), { ifNoneMatch: '*' });
    expect(await direct.head(root, fileKey(1))).toEqual(first);
    lose();
    const second = await store.put(root, fileKey(1), bytesSource(bytesOf(150_000)), { ifMatch: first.version });
    expect(await direct.head(root, fileKey(1))).toEqual(second);
    lose();
    const fixed = await store.put(root, key, bytesSource(body));
    expect(await direct.head(root, key)).toEqual(fixed);
    lose();
    const third = await store.put(root, fileKey(1), bytesSource(body));
    expect(await direct.head(root, fileKey(1))).toEqual(third);
  });

  it('and that is not sent again is unavailable, and repeating the put is harmless', async () => {
    const { proxy, store, direct } = await behindProxy();
    proxy.plan(/PUT blob$/, { kind: 'lose the reply' });
    await expect(store.put(root, key, bytesSource(body))).rejects.toMatchObject({ code: 'unavailable' });
    expect(await contentOf(direct, root, key)).toEqual(body);
    expect(await store.put(root, key, bytesSource(body))).toEqual(await direct.head(root, key));
  });

  it('is a conflict all the same if somebody else’s content is there', async () => {
    const { proxy, store, direct } = await behindProxy({ retries: 3 });
    const theirs = await direct.put(root, fileKey(1), bytesSource(body));
    proxy.plan(/PUT blob$/, { kind: 'lose the reply' });
    await expect(store.put(root, fileKey(1), bytesSource(body), { ifNoneMatch: '*' })).rejects.toMatchObject({
      code: 'conflict',
      context: { version: theirs.version },
    });
  });
});

describe('a commit of an upload that takes long', () => {
  it('puts nothing over what came after it', async () => {
    const { proxy, store, direct } = await behindProxy({ blockBytes: 50 });
    const sent = bytesOf(300, 5);
    const { url, headers, upload = '' } = await direct.presign(root, fileKey(1), { method: 'PUT', expiresInMs: 60_000, sizeBytes: 300 });
    await fetch(url, { method: 'PUT', headers, body: Uint8Array.from(sent) });
    let go = (): void => undefined;
    proxy.plan(/PUT comp=blocklist/, { kind: 'hold', until: new Promise<void>((resolve) => (go = resolve)) });
    const slow = store.commit(root, fileKey(1), upload);
    await expect.poll(() => proxy.seen).toContain('PUT comp=blocklist');
    const { version } = await direct.commit(root, fileKey(1), upload);
    await direct.put(root, fileKey(1), bytesSource(body), { ifMatch: version });
    go();
    await expect(slow).rejects.toMatchObject({ code: 'not_found' });
    expect(await contentOf(direct, root, fileKey(1))).toEqual(body);
  });
});

describe('a delete whose reply is lost', () => {
  it('and that is sent again is done', async () => {
    const { proxy, store, direct } = await behindProxy({ retries: 3 });
    const { version } = await direct.put(root, fileKey(1), bytesSource(body));
    proxy.plan(/DELETE/, { kind: 'lose the reply' });
    await store.delete(root, fileKey(1), { ifMatch: version });
    expect(await direct.head(root, fileKey(1))).toBeUndefined();
  });
});

describe('waiting', () => {
  it('for an answer ends', async () => {
    const { proxy, store, direct } = await behindProxy({ requestTimeoutMs: 50 });
    await direct.put(root, key, bytesSource(body));
    let go = (): void => undefined;
    proxy.plan(/./, { kind: 'hold', until: new Promise<void>((resolve) => (go = resolve)) }, 99);
    for (const call of [asked.head, asked.put, asked.list]) await expect(call?.(store)).rejects.toMatchObject({ code: 'unavailable' });
    go();
  });

  it('for a block ends when the caller gives up, as aborted', async () => {
    const { proxy, store, direct } = await behindProxy({ blockBytes: 20_000 });
    const abort = new AbortController();
    proxy.plan(/PUT comp=block$/, { kind: 'hold', until: new Promise(() => undefined) }, 99);
    const put = store.put(root, key, bytesSource(body), {}, { signal: abort.signal });
    await expect.poll(() => proxy.seen).toContain('PUT comp=block');
    abort.abort();
    await expect(put).rejects.toMatchObject({ code: 'aborted' });
    expect(await direct.head(root, key)).toBeUndefined();
  });

  it('is not needed for a body that began before its call was given up', async () => {
    const { store } = await behindProxy();
    await store.put(root, key, bytesSource(body));
    const abort = new AbortController();
    const content = await store.get(root, key, {}, { signal: abort.signal });
    abort.abort();
    expect(content && new Uint8Array(await readAll(content.body, body.length))).toEqual(body);
  });
});

describe('what errors say', () => {
  it('has no key, signature or address of a blob in it', async () => {
    const { proxy, store, connectionString } = await behindProxy();
    const [, accountKey = ''] = /AccountKey=([^;]*)/.exec(connectionString) ?? [];
    const told: string[] = [];
    for (const fault of failing.map(([, one]) => one))
      for (const call of Object.values(asked)) {
        proxy.plan(/./, fault);
        told.push(await call(store).then(String, (error: unknown) => inspect(error, { depth: 20, showHidden: true, getters: true })));
      }
    for (const text of told) for (const secret of [accountKey, 'SharedKey', 'ada/notes', 'AccountKey']) expect(text).not.toContain(secret);
  });
});
