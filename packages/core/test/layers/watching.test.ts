import { type Attributes, context, type Span, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import {
  type BlobContent,
  type BlobKey,
  type BlobStore,
  bytesSource,
  parseBlobRoot,
  parseSecretName,
  parseWorkspaceId,
  readAll,
  staticKey,
  varKey,
} from '@spacestore/core';
import { type CallLabels, layered, metrics, retry, timeout, tracing, verifyBlobs } from '@spacestore/core/layers';
import { memoryBlobPlace, memoryBlobStore, memorySecretStore } from '@spacestore/core/memory';
import { describe, expect, it } from 'vitest';
import { bytesOf, sha256Hex } from '../streams.ts';
import { faulty, instantTimers } from './faulty.ts';

const root = parseBlobRoot('ada/notes');
const body = bytesOf(200_000);
const key = staticKey(sha256Hex(body));
const mutable = varKey('0'.repeat(32));

async function bodyOf(store: BlobStore, of: BlobKey): Promise<Uint8Array | undefined> {
  const content = await store.get(root, of);
  return content && readAll(content.body, 1_000_000);
}

describe('a store that verifies', () => {
  /** A store that hands out what `bend` makes of the content. */
  function lying(bend: (content: BlobContent) => BlobContent) {
    const inner = memoryBlobStore();
    const store = verifyBlobs()({
      ...inner,
      get: async (...args) => {
        const content = await inner.get(...args);
        return content && bend(content);
      },
    });
    return { inner, store };
  }
  const withBytes =
    (bytes: Uint8Array) =>
    (content: BlobContent): BlobContent => ({ ...content, body: bytesSource(bytes).open() });

  it('hands out right content', async () => {
    const { inner, store } = lying((content) => content);
    for (const one of [key, mutable]) {
      await inner.put(root, one, bytesSource(body));
      expect(await bodyOf(store, one)).toEqual(body);
      const part = await store.get(root, one, { range: { first: 5, last: 9 } });
      expect(part && (await readAll(part.body, 5))).toEqual(body.slice(5, 10));
      expect(await store.head(root, one)).toEqual(await inner.head(root, one));
    }
  });

  it.each([
    ['other bytes', withBytes(body.map((byte, i) => (i === 9 ? byte ^ 1 : byte)))],
    ['fewer bytes', withBytes(body.slice(1))],
    ['more bytes', withBytes(bytesOf(200_001))],
    ['another blob', (content: BlobContent) => ({ ...content, info: { ...content.info, key: varKey('1'.repeat(32)) } })],
    ['a part for the whole', (content: BlobContent) => ({ ...withBytes(body.slice(0, 10))(content), sizeBytes: 10 })],
  ])('fails as corrupt on %s', async (_, bend) => {
    const { inner, store } = lying(bend);
    for (const one of [key, mutable]) {
      await inner.put(root, one, bytesSource(body));
      await expect(bodyOf(store, one)).rejects.toMatchObject({ code: 'corrupt' });
    }
  });

  it('checks the length of a part', async () => {
    const { inner, store } = lying(withBytes(body.slice(0, 4)));
    await inner.put(root, key, bytesSource(body));
    const part = await store.get(root, key, { range: { first: 0, last: 4 } });
    await expect(readAll(part?.body ?? bytesSource(body).open(), 10)).rejects.toMatchObject({ code: 'corrupt' });
  });

  it('frees a body that nobody began to read', async () => {
    let left = false;
    const chunks: AsyncIterator<Uint8Array> = {
      next: async () => ({ done: true, value: undefined }),
      return: async () => {
        left = true;
        return { done: true, value: undefined };
      },
    };
    const { inner, store } = lying((content) => ({ ...content, body: { [Symbol.asyncIterator]: () => chunks } }));
    await inner.put(root, key, bytesSource(body));
    await (await store.get(root, key))?.body[Symbol.asyncIterator]().return?.();
    expect(left).toBe(true);
  });
});

describe('a measured store', () => {
  it('counts each call by its outcome, and the reading of a body apart', async () => {
    const seen: (CallLabels & { readonly seconds?: number })[] = [];
    let time = 0;
    const place = memoryBlobPlace();
    const store = metrics(
      'BlobStore',
      { count: (_, labels) => seen.push(labels), observe: (_, labels, seconds) => seen.push({ ...labels, seconds }) },
      { now: () => (time += 500) },
    )(memoryBlobStore({ place }));
    const theirs = new Error('theirs');
    await store.put(root, key, bytesSource(body));
    await expect(
      store.put(root, mutable, {
        open: () => {
          throw theirs;
        },
      }),
    ).rejects.toBe(theirs);
    await expect(store.put(root, mutable, bytesSource(body), { ifMatch: 'x' })).rejects.toMatchObject({ code: 'conflict' });
    const bytes = place.blobs.get(root)?.get(key)?.bytes as Uint8Array;
    bytes[9] = (bytes[9] as number) ^ 1;
    await expect(bodyOf(store, key)).rejects.toMatchObject({ code: 'corrupt' });
    const outcomes = seen.filter((one) => one.seconds === undefined).map(({ method, outcome }) => `${method} ${outcome}`);
    expect(outcomes).toEqual(['put ok', 'put error', 'put conflict', 'get ok', 'get body corrupt']);
    expect(seen.filter((one) => one.seconds !== undefined).map(({ seconds }) => seconds)).toEqual([0.5, 0.5, 0.5, 0.5, 0.5]);
    expect(new Set(seen.map(({ contract }) => contract))).toEqual(new Set(['BlobStore']));
  });
});

describe('a traced store', () => {
  it('tells ids and sizes of each call and the code of its error, never a value', async () => {
    const spans: { name: string; attributes: Attributes; status?: unknown; ended: boolean }[] = [];
    const tracer = {
      startSpan: (name: string, options: { attributes: Attributes }) => {
        const span = { name, attributes: { ...options.attributes }, ended: false } as (typeof spans)[number];
        spans.push(span);
        return {
          setAttribute: (at: string, value: string) => Object.assign(span.attributes, { [at]: value }),
          setStatus: (status: unknown) => Object.assign(span, { status }),
          end: () => Object.assign(span, { ended: true }),
        } as unknown as Span;
      },
    } as unknown as Tracer;
    const space = parseWorkspaceId('notes');
    const name = parseSecretName('api-key');
    const store = tracing('SecretStore', { tracer })(memorySecretStore());
    await store.set(space, name, new TextEncoder().encode('canary'), { ifVersion: 0, writeId: 'w' });
    await store.setAll(space, [{ name, value: bytesOf(7), ifVersion: 1 }], 'v');
    await expect(store.delete(space, name, { ifVersion: 0, writeId: 'x' })).rejects.toMatchObject({ code: 'conflict' });
    expect(spans).toEqual([
      {
        name: 'SecretStore.set',
        attributes: { 'spacestore.space': 'notes', 'spacestore.id': 'api-key', 'spacestore.bytes': 6 },
        ended: true,
      },
      {
        name: 'SecretStore.setAll',
        attributes: { 'spacestore.space': 'notes', 'spacestore.items': 1, 'spacestore.bytes': 7 },
        ended: true,
      },
      {
        name: 'SecretStore.delete',
        attributes: { 'spacestore.space': 'notes', 'spacestore.id': 'api-key', 'error.type': 'conflict' },
        status: { code: SpanStatusCode.ERROR, message: 'conflict' },
        ended: true,
      },
    ]);
    expect(JSON.stringify(spans)).not.toContain('canary');
    expect(context.active()).toBeDefined();
  });
});

it('layers stand around a store in the order given, the first one innermost, and change neither claims nor close', async () => {
  const { store: inner, calls, faults } = faulty(memoryBlobStore());
  const outcomes: string[] = [];
  const meter = { count: (_: string, { outcome }: CallLabels) => void outcomes.push(outcome), observe: () => undefined };
  const store = layered(inner, [
    timeout('BlobStore', { timeoutMs: 60_000 }),
    metrics('BlobStore', meter),
    retry('BlobStore', { schedule: instantTimers().schedule }),
    verifyBlobs(),
    tracing('BlobStore'),
  ]);
  faults.push('before:busy');
  await store.put(root, key, bytesSource(body));
  expect(await bodyOf(store, key)).toEqual(body);
  expect(outcomes).toEqual(['busy', 'ok', 'ok', 'ok']);
  expect(calls).toEqual(['put', 'put', 'get']);
  expect(store.capabilities).toEqual(inner.capabilities);
  await store.close();
  await expect(store.head(root, key)).rejects.toMatchObject({ code: 'closed' });
});
