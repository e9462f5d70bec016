import { getEventListeners } from 'node:events';
import { bytesSource, parseBlobRoot, readAll, varKey } from '@spacestore/core';
import { timeout } from '@spacestore/core/layers';
import { memoryBlobStore } from '@spacestore/core/memory';
import { describe, expect, it } from 'vitest';
import { bytesOf, hanging } from '../streams.ts';
import { faulty, manualTimers, turn } from './faulty.ts';

const root = parseBlobRoot('ada/notes');
const key = varKey('0'.repeat(32));
const source = bytesSource(bytesOf(100));

function blobs(options: Partial<Parameters<typeof timeout<'BlobStore'>>[1]> = {}) {
  const inner = memoryBlobStore();
  const broken = faulty(inner);
  const timers = manualTimers();
  const store = timeout('BlobStore', { timeoutMs: 1000, schedule: timers.schedule, ...options })(broken.store);
  return { ...broken, inner, timers, store };
}

describe('a store with a time limit', () => {
  it('answers unavailable when the time is up, and the work may have happened', async () => {
    const { store, inner, faults, timers } = blobs();
    faults.push('hang after');
    const put = store.put(root, key, source);
    await turn();
    timers.fire();
    await expect(put).rejects.toMatchObject({ code: 'unavailable', retryable: true, context: { timeoutMs: 1000 } });
    expect(await inner.head(root, key)).toMatchObject({ sizeBytes: 100 });
  });

  it('keeps neither timers nor listeners', async () => {
    const { store, timers } = blobs();
    const { signal } = new AbortController();
    await store.put(root, key, source, {}, { signal });
    const content = await store.get(root, key, {}, { signal });
    expect(content && (await readAll(content.body, 100))).toEqual(bytesOf(100));
    await expect(store.put(root, 'x' as typeof key, source, {}, { signal })).rejects.toMatchObject({ code: 'invalid' });
    expect([timers.pending(), getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
  });

  it('tells the store to stop, so that nothing half done stays', async () => {
    const { store, inner, timers } = blobs();
    let told: AbortSignal | undefined;
    const hangs: typeof inner.put = (_root, _key, _source, _options, call) => {
      told = call?.signal;
      return new Promise(() => undefined);
    };
    const slow = { ...inner, put: hangs };
    const put = timeout('BlobStore', { timeoutMs: 5, schedule: timers.schedule })(slow).put(root, key, source);
    await turn();
    expect(told?.aborted).toBe(false);
    timers.fire();
    await expect(put).rejects.toMatchObject({ code: 'unavailable' });
    expect(told?.aborted).toBe(true);
    expect(await store.head(root, key)).toBeUndefined();
  });

  it('passes an abort of the caller on', async () => {
    const { store, timers } = blobs();
    await expect(store.head(root, key, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
    const abort = new AbortController();
    const { source: never, left } = hanging(5);
    const put = store.put(root, key, never, {}, { signal: abort.signal });
    await turn();
    abort.abort();
    await expect(put).rejects.toMatchObject({ code: 'aborted' });
    expect([timers.pending(), left()]).toEqual([0, true]);
  });

  it('does not count the time its caller’s source takes, but that of a body that stalls', async () => {
    const { store, inner, timers } = blobs();
    let goOn = (): void => undefined;
    const slow = {
      open: async function* () {
        yield bytesOf(50);
        await new Promise<void>((resolve) => (goOn = resolve));
        yield bytesOf(50);
      },
    };
    const put = store.put(root, key, slow);
    await turn();
    expect(timers.pending()).toBe(0);
    timers.fire();
    goOn();
    expect(await put).toMatchObject({ sizeBytes: 100 });

    const info = await inner.head(root, key);
    const body = hanging(5);
    const stalling = { ...inner, get: async () => info && { info, offset: 0, sizeBytes: 100, body: body.source.open() } };
    const content = await timeout('BlobStore', { timeoutMs: 5, schedule: timers.schedule })(stalling).get(root, key);
    const reading = readAll(content?.body ?? slow.open(), 100);
    await turn();
    timers.fire();
    await expect(reading).rejects.toMatchObject({ code: 'unavailable' });
    expect(body.left()).toBe(true);
  });

  it('has its own limit for a method, or none', async () => {
    const { store, timers } = blobs({ methods: { drop: 60_000, list: Infinity } });
    await store.drop(root);
    await store.list(root, { limit: 1 });
    await store.head(root, key);
    expect(timers.delays).toEqual([60_000, 1000]);
  });
});
