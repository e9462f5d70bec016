import { type BlobKey, type FileEntry, parseWorkspaceId, staticKey, varKey } from '@spacestore/core';
import { memoryFileIndex, memoryFilePlace } from '@spacestore/core/memory';
import { describe, expect, test } from 'vitest';
import { failureOf, ws } from './op-kit.ts';

const keys = [staticKey('0'.repeat(64)), staticKey('f'.repeat(64)), varKey('0'.repeat(32))] as const;
const [first, second, mutable] = keys;

function entry(key: BlobKey, overrides: Readonly<Record<string, unknown>> = {}): FileEntry {
  return { key, sizeBytes: 5, createdAt: 7, state: 'ready', ...overrides } as FileEntry;
}

describe('a file index', () => {
  test('keeps the last entry of a key, without fields that are undefined', async () => {
    const index = memoryFileIndex();
    await index.put(ws, entry(first, { state: 'pending', name: 'a' }));
    await index.put(ws, entry(first, { mimeType: 'text/plain', name: undefined }));
    expect(await index.get(ws, first)).toStrictEqual(entry(first, { mimeType: 'text/plain' }));
    expect(await index.get(ws, second)).toBeUndefined();
    expect(await index.get(parseWorkspaceId('x'), first)).toBeUndefined();
  });

  test('patches what is named: null removes, undefined leaves', async () => {
    const index = memoryFileIndex();
    await index.put(ws, entry(mutable, { mimeType: 'text/plain', name: 'a' }));
    expect(await index.patch(ws, mutable, { name: 'b' })).toStrictEqual(entry(mutable, { mimeType: 'text/plain', name: 'b' }));
    expect(await index.patch(ws, mutable, { mimeType: null })).toStrictEqual(entry(mutable, { name: 'b' }));
    expect((await failureOf(index.patch(ws, mutable, { name: 'x'.repeat(1025) }))).code).toBe('invalid');
    expect(await index.get(ws, mutable)).toStrictEqual(entry(mutable, { name: 'b' }));
    expect((await failureOf(index.patch(ws, first, {}))).code).toBe('not_found');
  });

  test('replaces an entry by compare-and-set, and again without a change', async () => {
    const index = memoryFileIndex();
    const [none, one, two] = [undefined, entry(first), entry(first, { state: 'deleting' })];
    await index.replace(ws, first, none, one);
    await index.replace(ws, first, none, one); // a retry finds its own
    expect(await index.get(ws, first)).toStrictEqual(one);
    expect((await failureOf(index.replace(ws, first, none, two))).code).toBe('conflict');
    expect((await failureOf(index.replace(ws, first, entry(first, { name: 'other' }), two))).code).toBe('conflict');
    expect((await failureOf(index.replace(ws, second, none, one))).code).toBe('invalid');
    expect(await index.get(ws, first)).toStrictEqual(one);
    await index.replace(ws, first, one, two);
    await index.replace(ws, first, two, none);
    await index.replace(ws, first, two, none);
    expect(await index.get(ws, first)).toBeUndefined();
    expect((await failureOf(index.replace(parseWorkspaceId('x'), first, one, two))).code).toBe('conflict');
    const won = await Promise.allSettled(
      [entry(first, { createdAt: 1 }), entry(first, { createdAt: 2 })].map((to) => index.replace(ws, first, none, to)),
    );
    expect(won.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('lists in byte order of keys, by kind and state, page by page', async () => {
    const index = memoryFileIndex();
    for (const [i, key] of [...keys].reverse().entries()) await index.put(ws, entry(key, { state: i === 0 ? 'pending' : 'ready' }));
    const page = await index.list(ws, { limit: 2 });
    expect([page.items.map(({ key }) => key), page.next]).toEqual([[first, second], { after: second, limit: 2 }]);
    expect((await index.list(ws, { limit: 2, after: second })).items.map(({ key }) => key)).toEqual([mutable]);
    expect((await index.list(ws, { limit: 9, kind: 'static' })).items.map(({ key }) => key)).toEqual([first, second]);
    expect((await index.list(ws, { limit: 9, state: 'pending' })).items.map(({ key }) => key)).toEqual([mutable]);
    expect((await failureOf(index.list(ws, { limit: 9, after: '../x' }))).code).toBe('invalid');
    expect((await index.list(parseWorkspaceId('x'), { limit: 9 })).items).toEqual([]);
  });

  test('deletes one entry, or all of one workspace', async () => {
    const place = memoryFilePlace();
    const index = memoryFileIndex({ place });
    const other = parseWorkspaceId('w2');
    for (const id of [ws, other]) for (const key of keys) await index.put(id, entry(key));
    await index.delete(ws, first);
    await index.delete(ws, first);
    expect((await index.list(ws, { limit: 9 })).items).toHaveLength(2);
    await index.drop(ws);
    await index.drop(ws);
    await index.close();
    expect((await failureOf(index.get(ws, first))).code).toBe('closed');
    const reopened = memoryFileIndex({ place });
    expect([(await reopened.list(ws, { limit: 9 })).items.length, (await reopened.list(other, { limit: 9 })).items.length]).toEqual([0, 3]);
  });

  test.each([
    { key: 'static/../x' },
    { key: 'static/ABC' },
    { sizeBytes: -1 },
    { sizeBytes: 0.5 },
    { createdAt: Number.NaN },
    { state: 'gone' },
    { name: '\ud800' },
    { mimeType: 5 },
  ])('refuses %j', async (overrides) => {
    const index = memoryFileIndex();
    expect((await failureOf(index.put(ws, entry(first, overrides)))).code).toBe('invalid');
    expect((await index.list(ws, { limit: 9 })).items).toEqual([]);
  });
});
