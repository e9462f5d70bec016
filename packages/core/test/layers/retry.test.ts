import { bytesSource, parseBlobRoot, parseSecretName, parseWorkspaceId, staticKey, varKey } from '@spacestore/core';
import { retry } from '@spacestore/core/layers';
import { memoryBlobStore, memorySecretStore } from '@spacestore/core/memory';
import { describe, expect, it } from 'vitest';
import { bytesOf, sha256Hex } from '../streams.ts';
import { faulty, instantTimers, manualTimers, turn } from './faulty.ts';

const root = parseBlobRoot('ada/notes');
const key = varKey('0'.repeat(32));
const source = bytesSource(bytesOf(100));
const other = bytesSource(bytesOf(100, 8));

function blobs(options: Parameters<typeof retry>[1] = {}) {
  const inner = memoryBlobStore();
  const broken = faulty(inner);
  const timers = instantTimers();
  const store = retry('BlobStore', { random: () => 0.5, schedule: timers.schedule, ...options })(broken.store);
  return { ...broken, inner, timers, store };
}

describe('a store that retries', () => {
  it('repeats what was busy or unavailable, waiting longer each time up to a bound', async () => {
    const { store, calls, faults, timers } = blobs({ attempts: 6, firstDelayMs: 100, maxDelayMs: 300 });
    faults.push('before:busy', 'after:unavailable', 'before:busy', 'before:busy', 'before:busy');
    expect(await store.put(root, key, source)).toMatchObject({ sizeBytes: 100 });
    expect(calls).toHaveLength(6);
    expect(timers.delays).toEqual([50, 100, 150, 150, 150]);
  });

  it('gives up with the last error', async () => {
    const { store, calls, faults } = blobs({ attempts: 3 });
    faults.push('before:busy', 'before:busy', 'before:unavailable');
    await expect(store.head(root, key)).rejects.toMatchObject({ code: 'unavailable' });
    expect(calls).toHaveLength(3);
  });

  it.each(['invalid', 'conflict', 'corrupt', 'not_found', 'denied', 'closed', 'internal', 'aborted', 'quota'] as const)(
    'does not repeat %s',
    async (code) => {
      const { store, calls, faults } = blobs();
      faults.push(`before:${code}`);
      await expect(store.head(root, key)).rejects.toMatchObject({ code });
      expect(calls).toHaveLength(1);
    },
  );

  it('stops waiting when the caller gives up', async () => {
    const timers = manualTimers();
    const { store, calls, faults } = blobs({ schedule: timers.schedule });
    faults.push('before:busy');
    const abort = new AbortController();
    const call = store.head(root, key, { signal: abort.signal });
    await turn();
    expect(timers.pending()).toBe(1);
    abort.abort();
    await expect(call).rejects.toMatchObject({ code: 'aborted' });
    expect([calls.length, timers.pending()]).toEqual([1, 0]);
  });
});

describe('a conditional put that is repeated', () => {
  it('finds its own content and has succeeded', async () => {
    const { store, inner, faults } = blobs();
    faults.push('after:unavailable');
    const made = await store.put(root, key, source, { ifNoneMatch: '*' });
    expect(made).toEqual(await inner.head(root, key));
    faults.push('after:unavailable');
    expect(await store.put(root, key, other, { ifMatch: made.version })).toMatchObject({ sha256: sha256Hex(bytesOf(100, 8)) });
    faults.push('after:unavailable');
    await store.put(root, staticKey(sha256Hex(bytesOf(100))), source, { ifNoneMatch: '*' });
  });

  it('is a conflict if the content is somebody else’s, or if nothing was repeated', async () => {
    const { store, inner, faults } = blobs();
    await inner.put(root, key, other);
    faults.push('before:unavailable');
    await expect(store.put(root, key, source, { ifNoneMatch: '*' })).rejects.toMatchObject({ code: 'conflict' });
    await expect(store.put(root, key, other, { ifNoneMatch: '*' })).rejects.toMatchObject({ code: 'conflict' });
  });
});

it('a secret whose reply was lost is set once', async () => {
  const inner = memorySecretStore();
  const { store: broken, faults } = faulty(inner);
  const store = retry('SecretStore', { schedule: instantTimers().schedule })(broken);
  const [space, name] = [parseWorkspaceId('notes'), parseSecretName('key')];
  faults.push('after:unavailable', 'before:busy');
  expect(await store.set(space, name, bytesOf(3), { ifVersion: 0, writeId: 'a' })).toEqual({ version: 1 });
  expect(await inner.get(space, name)).toEqual({ value: bytesOf(3), version: 1 });
});
