import { randomBytes } from '@noble/ciphers/utils.js';
import { checkSecretEntries, checkSecretValue, checkSecretWrite } from '../../check-secrets.ts';
import type { SecretStore } from '../../contracts/secret-store.ts';
import { StoreError } from '../../errors.ts';
import { parseSecretName, type SecretName, type WorkspaceId } from '../../ids.ts';
import { type ListQuery, type Page, pageOf, parseLimit } from '../../paging.ts';
import type { Layer } from '../contracts.ts';
import { checkKey, checkName } from './key-check.ts';
import type { KeyRing } from './key-ring.ts';
import { openValue, type RandomBytes, sealOverheadBytes, sealValue } from './sealed-value.ts';

export interface SealOptions {
  readonly keys: KeyRing;
  /** A cryptographic source of randomness; the platform's if absent. */
  readonly random?: RandomBytes;
}

/** Values are unreadable below this layer: each is sealed for its workspace, name and version, and opens nowhere else. Names, versions
 *  and lengths can be seen there, and a whole older state of the store can't be told from the present one.
 *  Law: nothing is written with a key that can't open what the workspace has.
 *  Throws besides: corrupt, for a record that was changed or moved or whose key is not in the ring. */
export function seal({ keys, random = randomBytes }: SealOptions): Layer<SecretStore> {
  return (store) => {
    const maxValueBytes = store.capabilities.maxValueBytes - sealOverheadBytes;
    const sealAt = (workspace: WorkspaceId, name: SecretName, ifVersion: number, value: Uint8Array): Uint8Array =>
      sealValue(keys.current, { workspace, name, version: ifVersion + 1 }, value, random);

    return {
      ...store,
      capabilities: { ...store.capabilities, sealed: true, maxValueBytes },

      get: async (workspace, name, call) => {
        const sealed = await store.get(workspace, userName(name), call);
        return sealed && { value: openValue(keys, { workspace, name, version: sealed.version }, sealed.value), version: sealed.version };
      },

      getAll: async (workspace, call) =>
        (await store.getAll(workspace, call))
          .filter(({ name }) => name !== checkName)
          .map(({ name, version, value }) => ({ name, version, value: openValue(keys, { workspace, name, version }, value) })),

      set: async (workspace, name, value, write, call) => {
        userName(name);
        checkSecretWrite(write);
        checkSecretValue(value, maxValueBytes);
        const own = value.slice(); // the caller may change it while the key is checked
        await checkKey(store, keys, random, workspace, call);
        return store.set(workspace, name, sealAt(workspace, name, write.ifVersion, own), write, call);
      },

      setAll: async (workspace, entries, writeId, call) => {
        checkSecretEntries(entries, writeId, maxValueBytes);
        if (entries.length === 0) return store.setAll(workspace, entries, writeId, call);
        const own = entries.map((entry) => ({ ...entry, name: userName(entry.name), value: entry.value.slice() }));
        await checkKey(store, keys, random, workspace, call);
        const sealed = own.map((entry) => ({ ...entry, value: sealAt(workspace, entry.name, entry.ifVersion, entry.value) }));
        return store.setAll(workspace, sealed, writeId, call);
      },

      delete: async (workspace, name, write, call) => {
        userName(name);
        await checkKey(store, keys, random, workspace, call, 'look');
        return store.delete(workspace, name, write, call);
      },

      names: async (workspace, query, call) => {
        const limit = parseLimit(query.limit);
        const rows: SecretName[] = [];
        const list = (inner: ListQuery): Promise<Page<SecretName>> => store.names(workspace, inner, call);
        for (let next: ListQuery | undefined = query; next && rows.length <= limit; ) {
          const page: Page<SecretName> = await list(next);
          rows.push(...page.items.filter((name) => name !== checkName));
          next = page.next;
        }
        return pageOf(rows.slice(0, limit + 1), limit, (name) => name);
      },
    };
  };
}

/** Throws: invalid, for the one name this layer keeps for itself. */
function userName(name: SecretName): SecretName {
  if (parseSecretName(name) === checkName) throw new StoreError('invalid', 'this name is kept for the key check', { context: { name } });
  return name;
}
