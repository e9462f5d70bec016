import { inspect } from 'node:util';
import { parseSecretName, parseWorkspaceId, type SecretName, type WorkspaceId } from '@spacestore/core';
import { type KeyRing, keyRing, parseKeyRing, resealSecrets, seal } from '@spacestore/core/layers';
import { memorySecretPlace, memorySecretStore } from '@spacestore/core/memory';
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../streams.ts';

const space = parseWorkspaceId('notes');
const name = parseSecretName('api-key');
const canary = new TextEncoder().encode('canary-canary-canary-canary');
const oldKey = bytesOf(32, 1);
const newKey = bytesOf(32, 2);
const write = (ifVersion: number, writeId = `w${ifVersion}`) => ({ ifVersion, writeId });

function sealed(keys: KeyRing = keyRing([oldKey]), place = memorySecretPlace()) {
  const inner = memorySecretStore({ place });
  return { place, inner, store: seal({ keys })(inner) };
}

async function rawOf(inner: ReturnType<typeof memorySecretStore>, at: SecretName = name): Promise<Uint8Array> {
  return (await inner.get(space, at))?.value as Uint8Array;
}

describe('sealed secrets', () => {
  it('are read as they were set, and are unreadable below', async () => {
    const { store, inner } = sealed();
    expect(store.capabilities).toMatchObject({ sealed: true, maxValueBytes: inner.capabilities.maxValueBytes - 121 });
    await store.set(space, name, canary, write(0));
    await store.setAll(
      space,
      [
        { name: parseSecretName('b'), value: new Uint8Array(0), ifVersion: 0 },
        { name, value: canary, ifVersion: 1 },
      ],
      'all',
    );
    expect(await store.get(space, name)).toEqual({ value: canary, version: 2 });
    expect((await store.getAll(space)).map((one) => [one.name, one.version, one.value.length])).toEqual([
      ['api-key', 2, canary.length],
      ['b', 1, 0],
    ]);
    for (const { value } of await inner.getAll(space)) expect(Buffer.from(value).includes('canary')).toBe(false);
  });

  it('differ for equal values, and never use a nonce or key twice', async () => {
    const { store, inner } = sealed();
    const seen = new Set<string>();
    for (let version = 0; version < 200; version++) {
      await store.set(space, name, canary, write(version));
      const raw = Buffer.from(await rawOf(inner));
      for (const [from, to] of [
        [9, 33],
        [33, 81],
        [81, 105],
      ])
        seen.add(raw.subarray(from, to).toString('hex'));
    }
    expect(seen.size).toBe(600);
  });

  it('keep the laws of versions, write ids and largest sizes', async () => {
    const { store } = sealed();
    const { maxValueBytes } = store.capabilities;
    await store.set(space, name, bytesOf(maxValueBytes), write(0, 'a'));
    expect(await store.set(space, name, bytesOf(maxValueBytes), write(0, 'a'))).toEqual({ version: 1 });
    await expect(store.set(space, name, canary, write(0, 'b'))).rejects.toMatchObject({ code: 'conflict', context: { name, version: 1 } });
    await expect(store.set(space, name, bytesOf(maxValueBytes + 1), write(1))).rejects.toMatchObject({ code: 'too_large' });
    expect(await store.delete(space, name, write(1))).toEqual({ version: 2 });
    expect(await store.get(space, name)).toBeUndefined();
  });

  it('fail as corrupt, all in the same way, when a bit of them is changed, or they are cut or extended', async () => {
    const { store, inner, place } = sealed();
    await store.set(space, name, canary, write(0));
    const raw = await rawOf(inner);
    const bent = [
      ...Array.from(raw, (_, i) => raw.map((byte, at) => (at === i ? byte ^ (1 << (i & 7)) : byte))),
      raw.slice(0, -1),
      raw.slice(0, 30),
      new Uint8Array(0),
      Uint8Array.from([...raw, 0]),
    ];
    const row = place.secrets.get(space)?.get(name);
    const messages = new Set<string>();
    for (const value of bent) {
      place.secrets.get(space)?.set(name, { ...(row as NonNullable<typeof row>), value });
      const error: unknown = await store.get(space, name).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'corrupt', context: { name, version: 1 } });
      messages.add((error as Error).message);
      await expect(store.getAll(space)).rejects.toMatchObject({ code: 'corrupt' });
    }
    expect(messages.size).toBe(1);
  });

  it('open in no other place: other name, other workspace, other version', async () => {
    const { store, place } = sealed();
    const twin = parseWorkspaceId('notes2');
    const other = parseSecretName('other');
    for (const [at, of] of [
      [space, name],
      [space, other],
      [twin, name],
    ] as const)
      await store.set(at, of, canary, write(0));
    await store.set(space, name, canary, write(1));
    const rowOf = (at: WorkspaceId, of: SecretName) =>
      place.secrets.get(at)?.get(of) as NonNullable<ReturnType<Map<SecretName, never>['get']>>;
    const moves: [WorkspaceId, SecretName, WorkspaceId, SecretName][] = [
      [space, other, twin, name],
      [twin, name, space, other],
    ];
    for (const [fromSpace, fromName, toSpace, toName] of moves) {
      const before = rowOf(toSpace, toName);
      place.secrets.get(toSpace)?.set(toName, rowOf(fromSpace, fromName));
      await expect(store.get(toSpace, toName)).rejects.toMatchObject({ code: 'corrupt' });
      place.secrets.get(toSpace)?.set(toName, before);
    }
    const rolledBack = { ...(rowOf(space, other) as object), version: 2 };
    place.secrets.get(space)?.set(other, rolledBack as never);
    await expect(store.get(space, other)).rejects.toMatchObject({ code: 'corrupt' });
    expect((await store.get(space, name))?.version).toBe(2);
  });

  it('are neither read nor written with a wrong key', async () => {
    const { store, place, inner } = sealed();
    await store.set(space, name, canary, write(0));
    const before = await inner.getAll(space);
    const wrong = sealed(keyRing([newKey]), place).store;
    const other = parseSecretName('other');
    const writes = [
      () => wrong.get(space, name),
      () => wrong.set(space, name, canary, write(1)),
      () => wrong.set(space, other, canary, write(0)),
      () => wrong.setAll(space, [{ name: other, value: canary, ifVersion: 0 }], 'x'),
      () => wrong.delete(space, name, write(1)),
    ];
    for (const attempt of writes) await expect(attempt()).rejects.toMatchObject({ code: 'corrupt' });
    expect(await inner.getAll(space)).toEqual(before);
  });

  it('stay locked to their key even when all are deleted, until the workspace is dropped', async () => {
    const { store, place } = sealed();
    await store.set(space, name, canary, write(0));
    await store.delete(space, name, write(1));
    const wrong = sealed(keyRing([newKey]), place).store;
    await expect(wrong.set(space, name, canary, write(2))).rejects.toMatchObject({ code: 'corrupt' });
    await wrong.drop(space);
    expect(await wrong.set(space, name, canary, write(0))).toEqual({ version: 1 });
  });

  it('follow a change of keys: old ones open, the new one seals, and then the old one writes no more', async () => {
    const { store, place } = sealed();
    await store.set(space, name, canary, write(0));
    const both = sealed(keyRing([newKey, oldKey]), place);
    expect((await both.store.get(space, name))?.value).toEqual(canary);
    await both.store.set(space, name, canary, write(1));
    const onlyNew = sealed(keyRing([newKey]), place).store;
    expect(await onlyNew.get(space, name)).toEqual({ value: canary, version: 2 });
    await onlyNew.set(space, name, canary, write(2));
    await expect(store.get(space, name)).rejects.toMatchObject({ code: 'corrupt' });
    await expect(store.set(space, name, canary, write(3))).rejects.toMatchObject({ code: 'corrupt' });
  });

  it('have a first write from several sides at once', async () => {
    const { store } = sealed();
    const names = ['a', 'b', 'c', 'd'].map(parseSecretName);
    await Promise.all(names.map((one) => store.set(space, one, canary, write(0))));
    expect((await store.getAll(space)).map((one) => one.name)).toEqual(names);
  });

  it('hide the record of the key check from every listing, and its name from users', async () => {
    const { store } = sealed();
    const names = ['A', 'a', 'zz'].map(parseSecretName);
    for (const one of names) await store.set(space, one, canary, write(0));
    expect(await store.names(space, { limit: 1 })).toEqual({ items: ['A'], next: { after: 'A', limit: 1 } });
    expect(await store.names(space, { after: 'A', limit: 1 })).toEqual({ items: ['a'], next: { after: 'a', limit: 1 } });
    expect(await store.names(space, { after: 'a', limit: 1 })).toEqual({ items: ['zz'] });
    expect(await store.names(space, { limit: 3 })).toEqual({ items: names });
    const kept = parseSecretName('__spacestore_key_check__');
    await expect(store.get(space, kept)).rejects.toMatchObject({ code: 'invalid' });
    await expect(store.set(space, kept, canary, write(0))).rejects.toMatchObject({ code: 'invalid' });
  });

  it('leave nothing behind where nothing was to delete', async () => {
    const { store, place } = sealed();
    expect(await store.delete(space, name, write(0))).toEqual({ version: 0 });
    expect(place.secrets.size).toBe(0);
  });

  it('and their keys are in no error and no printout', async () => {
    const { store, inner, place } = sealed();
    await store.set(space, name, canary, write(0));
    const wrong = sealed(keyRing([newKey]), place).store;
    const errors = await Promise.all([
      wrong.get(space, name).catch((error: unknown) => error),
      store.set(space, name, canary, write(7)).catch((error: unknown) => error),
      wrong.set(space, name, canary, write(1)).catch((error: unknown) => error),
    ]);
    const text = [...errors, store, wrong, keyRing([oldKey, newKey])].map((one) => inspect(one, { depth: 9, showHidden: true })).join('\n');
    for (const bytes of [canary, oldKey, newKey, await rawOf(inner)])
      for (const form of ['utf8', 'hex', 'base64'] as const) expect(text).not.toContain(Buffer.from(bytes).toString(form).slice(0, 12));
    expect(text).not.toMatch(/\d+, \d+, \d+, \d+/);
  });
});

describe('resealing', () => {
  const names = ['a', 'b', 'c'].map(parseSecretName);
  const filled = async (place = memorySecretPlace()) => {
    const old = sealed(keyRing([oldKey]), place);
    for (const each of names) await old.store.set(space, each, canary, write(0));
    await old.store.set(space, names[2] as SecretName, canary, write(1));
    return old;
  };

  it('leaves nothing that needs an older key, and every value as it was', async () => {
    const { place, inner } = await filled();
    const ring = keyRing([newKey, oldKey]);
    expect(await resealSecrets(inner, ring, space)).toEqual({ resealed: 4, kept: 0 }); // with the record that checks keys
    expect(await resealSecrets(inner, ring, space)).toEqual({ resealed: 0, kept: 4 });
    const { store } = sealed(keyRing([newKey]), place);
    expect((await store.getAll(space)).map((one) => [one.name, one.version, one.value])).toEqual([
      ['a', 2, canary],
      ['b', 2, canary],
      ['c', 3, canary],
    ]);
    await store.set(space, names[0] as SecretName, canary, write(2, 'later'));
  });

  it('goes on where it was cut off, at any write', async () => {
    for (let survives = 0; survives < 4; survives++) {
      const { place, inner } = await filled();
      let writes = 0;
      const cut = {
        ...inner,
        set: (...args: Parameters<typeof inner.set>) => (writes++ < survives ? inner.set(...args) : Promise.reject(new Error('cut'))),
      };
      await expect(resealSecrets(cut, keyRing([newKey, oldKey]), space)).rejects.toThrow('cut');
      expect(await sealed(keyRing([newKey, oldKey]), place).store.getAll(space)).toHaveLength(3); // readable half-way
      expect(await resealSecrets(inner, keyRing([newKey, oldKey]), space)).toEqual({ resealed: 4 - survives, kept: survives });
    }
  });

  it('takes the value that somebody sets meanwhile', async () => {
    const { place, inner } = await filled();
    const ring = keyRing([newKey, oldKey]);
    const other = sealed(ring, place).store;
    let raced = false;
    const racing = {
      ...inner,
      set: async (...args: Parameters<typeof inner.set>) => {
        if (!raced && args[1] === names[1]) {
          raced = true;
          await other.set(space, args[1], bytesOf(5, 9), write(1, 'racer'));
        }
        return inner.set(...args);
      },
    };
    await resealSecrets(racing, ring, space);
    expect(await sealed(keyRing([newKey]), place).store.get(space, names[1] as SecretName)).toEqual({ value: bytesOf(5, 9), version: 2 });
  });

  it('stops at what no key of the ring opens, and changes nothing of it', async () => {
    const { inner } = await filled();
    const before = await rawOf(inner, names[0]);
    await expect(resealSecrets(inner, keyRing([newKey]), space)).rejects.toMatchObject({ code: 'corrupt' });
    expect(await rawOf(inner, names[0])).toEqual(before);
  });
});

describe('a key ring', () => {
  const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex');

  it('is a key a line, the first one current, with ids that follow from the keys', () => {
    const ring = parseKeyRing(`# keys\n${hex(newKey)}\r\n\n  ${hex(oldKey).toUpperCase()}\n`);
    const [first, second] = [keyRing([newKey]).current.id, keyRing([oldKey]).current.id];
    expect([ring.current.id, ring.byId(second)?.id, ring.byId('no')]).toEqual([first, second, undefined]);
    expect(first).toMatch(/^[0-9a-f]{16}$/);
    expect(hex(newKey)).not.toContain(first);
  });

  it.each([
    ['', /at least one/],
    ['xyz', /line 1/],
    [`${hex(oldKey)}\n${hex(oldKey)}`, /twice/],
    [`\n${hex(oldKey)}0`, /line 2/],
    ['0'.repeat(64), /random/],
  ])('refuses %j', (text, message) => {
    expect(() => parseKeyRing(text)).toThrow(message);
    expect(() => parseKeyRing(text)).toThrow(expect.objectContaining({ code: 'invalid' }));
    expect(() => parseKeyRing(text)).not.toThrow(hex(oldKey));
  });

  it('keeps no hand on the bytes it was given, and has other keys for other workspaces', () => {
    const bytes = oldKey.slice();
    const ring = keyRing([bytes]);
    const before = ring.current.workspaceKey(space);
    bytes.fill(0);
    expect(ring.current.workspaceKey(space)).toEqual(before);
    expect(ring.current.workspaceKey(parseWorkspaceId('notes2'))).not.toEqual(before);
  });
});
