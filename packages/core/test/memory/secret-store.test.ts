import { parseSecretName, parseWorkspaceId } from '@spacestore/core';
import { memorySecretPlace, memorySecretStore } from '@spacestore/core/memory';
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../streams.ts';

const space = parseWorkspaceId('notes');
const name = parseSecretName('api-key');
const other = parseSecretName('Zeta');
const write = (ifVersion: number, writeId: string) => ({ ifVersion, writeId });

describe('secrets in memory', () => {
  it('count a version with each set and delete, and keep it over a deletion', async () => {
    const store = memorySecretStore();
    expect(await store.set(space, name, bytesOf(3), write(0, 'a'))).toEqual({ version: 1 });
    expect(await store.delete(space, name, write(1, 'b'))).toEqual({ version: 2 });
    expect(await store.get(space, name)).toBeUndefined();
    await expect(store.set(space, name, bytesOf(3), write(0, 'c'))).rejects.toMatchObject({
      code: 'conflict',
      context: { name, version: 2 },
    });
    expect(await store.set(space, name, bytesOf(4), write(2, 'd'))).toEqual({ version: 3 });
    expect(await store.get(space, name)).toEqual({ value: bytesOf(4), version: 3 });
    expect(await store.delete(space, other, write(0, 'e'))).toEqual({ version: 0 });
  });

  it('let a lost reply be retried, and nobody else at that version', async () => {
    const store = memorySecretStore();
    await store.set(space, name, bytesOf(3), write(0, 'a'));
    expect(await store.set(space, name, bytesOf(3), write(0, 'a'))).toEqual({ version: 1 });
    await expect(store.set(space, name, bytesOf(3), write(0, 'b'))).rejects.toMatchObject({ code: 'conflict' });
    await store.delete(space, name, write(1, 'c'));
    expect(await store.delete(space, name, write(1, 'c'))).toEqual({ version: 2 });
    await expect(store.set(space, name, bytesOf(3), write(1, 'c'))).rejects.toMatchObject({ code: 'conflict' });
  });

  it('are set together or not at all', async () => {
    const store = memorySecretStore();
    await store.set(space, name, bytesOf(1), write(0, 'a'));
    const entries = [
      { name: other, value: bytesOf(2), ifVersion: 0 },
      { name, value: bytesOf(3), ifVersion: 0 },
    ];
    await expect(store.setAll(space, entries, 'b')).rejects.toMatchObject({ code: 'conflict', context: { name, version: 1 } });
    expect(await store.get(space, other)).toBeUndefined();
    const right = entries.map((entry) => (entry.name === name ? { ...entry, ifVersion: 1 } : entry));
    await store.setAll(space, right, 'c');
    await store.setAll(space, right, 'c');
    expect((await store.getAll(space)).map((one) => [one.name, one.version])).toEqual([
      [other, 1],
      [name, 2],
    ]);
    await expect(store.setAll(space, [...right, ...right], 'd')).rejects.toMatchObject({ code: 'invalid' });
    await store.setAll(space, [], 'e');
  });

  it('share no bytes with their callers', async () => {
    const store = memorySecretStore();
    const value = bytesOf(4);
    await store.set(space, name, value, write(0, 'a'));
    value.fill(0);
    (await store.get(space, name))?.value.fill(0);
    for (const one of await store.getAll(space)) one.value.fill(0);
    expect((await store.get(space, name))?.value).toEqual(bytesOf(4));
  });

  it('have a largest size, and names and write ids of the grammar', async () => {
    const store = memorySecretStore({ maxValueBytes: 10 });
    await store.set(space, name, bytesOf(10), write(0, 'a'));
    await expect(store.set(space, name, bytesOf(11), write(1, 'b'))).rejects.toMatchObject({ code: 'too_large' });
    for (const wrong of ['', 'a b', 'x'.repeat(65)])
      await expect(store.set(space, name, bytesOf(1), write(1, wrong))).rejects.toMatchObject({ code: 'invalid' });
    for (const wrong of ['__proto__', '', 'a/b'])
      await expect(store.get(space, wrong as typeof name)).rejects.toMatchObject({ code: 'invalid' });
    for (const wrong of [-1, 0.5, Number.NaN])
      await expect(store.set(space, name, bytesOf(1), write(wrong, 'c'))).rejects.toMatchObject({ code: 'invalid' });
  });

  it('are listed by name, and go with their workspace alone', async () => {
    const place = memorySecretPlace();
    const store = memorySecretStore({ place });
    const sibling = parseWorkspaceId('notes2');
    for (const one of ['b', 'a', 'B', 'gone'].map(parseSecretName)) await store.set(space, one, bytesOf(1), write(0, 'x'));
    await store.set(sibling, name, bytesOf(1), write(0, 'x'));
    await store.delete(space, parseSecretName('gone'), write(1, 'y'));
    expect(await store.names(space, { limit: 2 })).toEqual({ items: ['B', 'a'], next: { after: 'a', limit: 2 } });
    expect(await store.names(space, { after: 'a', limit: 2 })).toEqual({ items: ['b'] });
    await store.drop(space);
    await store.close();
    await expect(store.getAll(space)).rejects.toMatchObject({ code: 'closed' });
    const again = memorySecretStore({ place });
    expect(await again.getAll(space)).toEqual([]);
    expect(await again.getAll(sibling)).toHaveLength(1);
  });
});
