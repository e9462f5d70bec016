import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { hasCode, type SecretName, type SecretStore, StoreError, type WorkspaceId } from '@spacestore/core';
import type { SecretMutant, SecretMutantContext } from './secret-mutant.ts';

const at = 'w' as WorkspaceId;
const [one, two] = ['one', 'two'] as readonly string[] as readonly [SecretName, SecretName];
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const set = (store: SecretStore, name: SecretName, value: string, ifVersion = 0): Promise<unknown> =>
  store.set(at, name, text(value), { ifVersion, writeId: `w${ifVersion}` });
const textOf = async (store: SecretStore, name: SecretName): Promise<string | undefined> => {
  const found = await store.get(at, name);
  return found && Buffer.from(found.value).toString();
};
const fails = (call: Promise<unknown>): Promise<boolean> =>
  call.then(
    () => false,
    () => true,
  );

/** How a cipher without care seals a value: at least it is not in the clear. */
interface Cipher {
  readonly encrypt: (key: Uint8Array, value: Uint8Array, place: string) => Uint8Array;
  /** Throws what it likes. */
  readonly decrypt: (key: Uint8Array, sealed: Uint8Array, place: string) => Uint8Array;
}

const gcm = (nonceOf: () => Uint8Array, bind: (place: string) => string): Cipher => ({
  encrypt: (key, value, place) => {
    const nonce = nonceOf();
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 }).setAAD(Buffer.from(bind(place)));
    return Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
  },
  decrypt: (key, sealed, place) => {
    const cipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 }).setAAD(Buffer.from(bind(place)));
    cipher.setAuthTag(sealed.subarray(-16));
    return Buffer.concat([cipher.update(sealed.subarray(12, -16)), cipher.final()]);
  },
});

const cbc: Cipher = {
  encrypt: (key, value) => {
    const iv = randomBytes(16);
    const cipher = createCipheriv('aes-256-cbc', key, iv);
    return Buffer.concat([iv, cipher.update(value), cipher.final()]);
  },
  decrypt: (key, sealed) => {
    const cipher = createDecipheriv('aes-256-cbc', key, sealed.subarray(0, 16));
    return Buffer.concat([cipher.update(sealed.subarray(16)), cipher.final()]);
  },
};

/** Seals with a cipher of its own; `open` decides what comes of a value that can't be opened. */
const sealedBy =
  (cipher: Cipher): SecretMutant['make'] =>
  ({ inner, key }) => {
    const place = (ws: string, name: string, version: number): string => `${ws} ${name} ${version}`;
    const open = (sealed: Uint8Array, where: string): Uint8Array => {
      try {
        return cipher.decrypt(key, sealed, where);
      } catch (cause) {
        throw new StoreError('corrupt', 'a sealed secret cannot be opened', { cause });
      }
    };
    return {
      ...inner,
      capabilities: { ...inner.capabilities, sealed: true, maxValueBytes: inner.capabilities.maxValueBytes - 64 },
      get: async (ws, name, call) => {
        const found = await inner.get(ws, name, call);
        return found && { ...found, value: open(found.value, place(ws, name, found.version)) };
      },
      getAll: async (ws, call) =>
        (await inner.getAll(ws, call)).map((each) => ({ ...each, value: open(each.value, place(ws, each.name, each.version)) })),
      set: (ws, name, value, write, call) =>
        inner.set(ws, name, cipher.encrypt(key, value, place(ws, name, write.ifVersion + 1)), write, call),
      setAll: (ws, entries, writeId, call) =>
        inner.setAll(
          ws,
          entries.map((each) => ({ ...each, value: cipher.encrypt(key, each.value, place(ws, each.name, each.ifVersion + 1)) })),
          writeId,
          call,
        ),
    };
  };

const known = (): Uint8Array => new Uint8Array(12);
const fresh = (): Uint8Array => randomBytes(12);

async function innerText({ inner }: SecretMutantContext, name: SecretName): Promise<string> {
  return Buffer.from((await inner.get(at, name))?.value ?? []).toString('hex');
}

/** Broken secret stores. */
export const secretMutants: readonly SecretMutant[] = [
  {
    id: 'M130',
    what: 'seals the value and keeps it in the clear in a compressed journal',
    law: 'SE-02',
    make: ({ sealed, beside }) => ({
      ...sealed,
      set: (ws, name, value, write, call) => {
        if (value instanceof Uint8Array) beside.set(`journal-${beside.size}`, gzipSync(Buffer.concat([Buffer.from('set '), value])));
        return sealed.set(ws, name, value, write, call);
      },
    }),
    witness: async (store, { beside }) => {
      await set(store, one, 'a secret');
      return beside.size > 0;
    },
  },
  {
    id: 'M131',
    what: 'seals every value with one nonce',
    law: 'SE-03',
    make: sealedBy(gcm(known, (place) => place)),
    witness: async (store, context) => {
      await set(store, one, 'the very same');
      const first = await innerText(context, one);
      await set(store, two, 'the very same');
      return (await innerText(context, two)).slice(0, 40) === first.slice(0, 40);
    },
  },
  {
    id: 'M132',
    what: 'a refusal prints the value in base64',
    law: 'SE-02',
    make: ({ sealed }) => ({
      ...sealed,
      set: async (ws, name, value, write, call) => {
        try {
          return await sealed.set(ws, name, value, write, call);
        } catch (error) {
          if (!hasCode(error, 'conflict')) throw error;
          throw new StoreError('conflict', error.message, { context: { ...error.context, value: Buffer.from(value).toString('base64') } });
        }
      },
    }),
    witness: async (store) => {
      const error: unknown = await set(store, one, 'a secret', 3).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      return inspect(error).includes(Buffer.from('a secret').toString('base64'));
    },
  },
  {
    id: 'M133',
    what: 'encrypts without authenticating (CBC)',
    law: 'SE-04',
    make: sealedBy(cbc),
    witness: async (store, { inner }) => {
      await set(store, one, 'sixteen bytes!!! and more of them');
      const sealed = (await inner.get(at, one))?.value ?? new Uint8Array(0);
      await inner.set(
        at,
        one,
        sealed.map((byte, i) => (i === 3 ? byte ^ 1 : byte)),
        { ifVersion: 1, writeId: 'tampered' },
      );
      return !(await fails(store.get(at, one)));
    },
  },
  {
    id: 'M134',
    what: 'with a wrong key a secret is "not there"',
    law: 'SE-05',
    make: ({ sealed }) => ({
      ...sealed,
      get: (ws, name, call) =>
        sealed.get(ws, name, call).catch((error: unknown) => {
          if (hasCode(error, 'corrupt')) return undefined;
          throw error;
        }),
    }),
    witness: async (store, _, other) => {
      await set(store, one, 'a secret');
      return (await other.get(at, one).catch(() => 'refused')) === undefined;
    },
  },
  {
    id: 'M135',
    what: 'a value is not bound to its name: two records can be swapped',
    law: 'SE-04',
    make: sealedBy(gcm(fresh, () => 'spacestore')),
    witness: async (store, { inner }) => {
      await set(store, one, 'first');
      const moved = (await inner.get(at, one))?.value ?? new Uint8Array(0);
      await inner.set(at, two, moved, { ifVersion: 0, writeId: 'moved' });
      return (await textOf(store, two).catch(() => undefined)) === 'first';
    },
  },
  {
    id: 'M137',
    what: "writes over what a wrong key can't open",
    law: 'SE-05',
    make: sealedBy(gcm(fresh, (place) => place)),
    witness: async (store, _, other) => {
      await set(store, one, 'a secret');
      return !(await fails(set(other, one, 'another', 1)));
    },
  },
  {
    id: 'M138',
    what: 'an older state of a record opens as the present one',
    law: 'SE-04',
    make: sealedBy(gcm(fresh, (place) => place.split(' ').slice(0, 2).join(' '))),
    witness: async (store, { inner }) => {
      await set(store, one, 'old');
      const old = (await inner.get(at, one))?.value ?? new Uint8Array(0);
      await inner.set(at, one, old, { ifVersion: 1, writeId: 'rolled-back' });
      return (await textOf(store, one).catch(() => undefined)) === 'old';
    },
  },
  {
    id: 'M139',
    what: 'checks the version, waits, and then writes whatever happened meanwhile',
    law: 'SE-07',
    make: ({ sealed }) => ({
      ...sealed,
      set: async (ws, name, value, write, call) => {
        const own = value instanceof Uint8Array ? value.slice() : value;
        const version = (await sealed.get(ws, name, call))?.version ?? 0;
        if (version !== write.ifVersion) return await sealed.set(ws, name, own, write, call);
        for (let now = version; ; now++) {
          try {
            await sealed.set(ws, name, own, { ...write, ifVersion: now }, call);
            return { version: write.ifVersion + 1 };
          } catch (error) {
            if (!hasCode(error, 'conflict') || now > version + 20) throw error;
          }
        }
      },
    }),
    witness: async (store) => {
      await set(store, one, 'old');
      const writers = ['a', 'b'].map((writeId) => fails(store.set(at, one, text(writeId), { ifVersion: 1, writeId })));
      return !(await Promise.all(writers)).includes(true);
    },
  },
  {
    id: 'M140',
    what: 'setAll sets one name after the other',
    law: 'SE-07',
    make: ({ sealed }) => ({
      ...sealed,
      setAll: async (ws, entries, writeId, call) => {
        if (new Set(entries.map(({ name }) => name)).size < entries.length) return await sealed.setAll(ws, entries, writeId, call);
        for (const each of entries.map((entry) => ({ ...entry, value: entry.value.slice() })))
          await sealed.setAll(ws, [each], writeId, call);
      },
    }),
    witness: async (store) => {
      const entries = [
        { name: one, value: text('1'), ifVersion: 0 },
        { name: two, value: text('2'), ifVersion: 7 },
      ];
      await fails(store.setAll(at, entries, 'a'));
      return (await textOf(store, one)) === '1';
    },
  },
  {
    id: 'M141',
    what: 'a deleted name begins again at version 1',
    law: 'SE-01',
    make: ({ sealed }) => {
      const dropped = new Map<string, number>();
      const id = (ws: string, name: string): string => `${ws}/${name}`;
      return {
        ...sealed,
        delete: async (ws, name, write, call) => {
          const made = await sealed.delete(ws, name, write, call);
          if (made.version > 0) dropped.set(id(ws, name), made.version);
          return made;
        },
        set: async (ws, name, value, write, call) => {
          const base = dropped.get(id(ws, name)) ?? 0;
          if (base === 0 || write.ifVersion > 0) return await sealed.set(ws, name, value, write, call);
          return await sealed.set(ws, name, value, { ...write, ifVersion: base }, call);
        },
      };
    },
    witness: async (store) => {
      await set(store, one, 'first');
      await store.delete(at, one, { ifVersion: 1, writeId: 'gone' });
      return !(await fails(set(store, one, 'again', 0)));
    },
  },
  {
    id: 'M144',
    what: 'keeps an index of equal values, with each of them in hex',
    law: 'SE-02',
    make: ({ sealed, beside }) => ({
      ...sealed,
      setAll: (ws, entries, writeId, call) => {
        for (const { value } of entries)
          if (value instanceof Uint8Array)
            beside.set(`index-${createHash('sha1').update(value).digest('hex')}`, Buffer.from(Buffer.from(value).toString('hex')));
        return sealed.setAll(ws, entries, writeId, call);
      },
    }),
    witness: async (store, { beside }) => {
      await store.setAll(at, [{ name: one, value: text('a secret'), ifVersion: 0 }], 'a');
      return beside.size > 0;
    },
  },
];
