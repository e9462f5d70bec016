import { randomBytes } from '@noble/ciphers/utils.js';
import type { CallOptions } from '../../call.ts';
import type { SecretStore } from '../../contracts/secret-store.ts';
import { hasCode, StoreError } from '../../errors.ts';
import type { SecretName, WorkspaceId } from '../../ids.ts';
import { eachItem } from '../../paging.ts';
import type { KeyRing } from './key-ring.ts';
import { keyOfSealed, openValue, type RandomBytes, sealValue } from './sealed-value.ts';

export interface Resealed {
  readonly resealed: number;
  /** Sealed with the current key already. */
  readonly kept: number;
}

const tries = 8;

/** Every secret of a workspace is sealed with the current key of the ring, and no other key is needed for it any more. `store` is the one below the
 *  seal layer. Each secret that is sealed anew has the same value under its next version. May run beside servers of the same ring, may be cut off and
 *  begun again: what is done is not done twice. Throws: corrupt, naming the secret that no key of the ring opens; what the store throws. */
export async function resealSecrets(
  store: SecretStore,
  keys: KeyRing,
  workspace: WorkspaceId,
  { random = randomBytes, call }: { readonly random?: RandomBytes; readonly call?: CallOptions } = {},
): Promise<Resealed> {
  const count = { resealed: 0, kept: 0 };
  for await (const name of eachItem((query) => store.names(workspace, query, call)))
    if (await resealOne(store, keys, workspace, name, random, call)) count.resealed++;
    else count.kept++;
  return count;
}

async function resealOne(
  store: SecretStore,
  keys: KeyRing,
  workspace: WorkspaceId,
  name: SecretName,
  random: RandomBytes,
  call: CallOptions | undefined,
): Promise<boolean> {
  for (let attempt = 1; attempt <= tries; attempt++) {
    const present = await store.get(workspace, name, call);
    if (!present || keyOfSealed(keys, present.value)?.id === keys.current.id) return false;
    const { version } = present;
    const value = openValue(keys, { workspace, name, version }, present.value);
    try {
      const sealed = sealValue(keys.current, { workspace, name, version: version + 1 }, value, random);
      const writeId = `reseal-${Array.from(random(12), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
      await store.set(workspace, name, sealed, { ifVersion: version, writeId }, call);
      return true;
    } catch (error) {
      if (!hasCode(error, 'conflict')) throw error; // somebody wrote it just now: look again
    } finally {
      value.fill(0);
    }
  }
  throw new StoreError('busy', 'a secret is changed all the time', { context: { name } });
}
