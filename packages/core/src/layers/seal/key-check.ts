import type { CallOptions } from '../../call.ts';
import type { SecretStore } from '../../contracts/secret-store.ts';
import { hasCode, StoreError } from '../../errors.ts';
import { parseSecretName, type SecretName, type WorkspaceId } from '../../ids.ts';
import type { KeyRing } from './key-ring.ts';
import { keyOfSealed, openValue, type RandomBytes, sealValue } from './sealed-value.ts';

/** The name of the record that tells right keys from wrong ones. Nobody else may use it. */
export const checkName: SecretName = parseSecretName('__spacestore_key_check__');

const tries = 5;

/** Makes sure that a workspace's secrets are sealed with keys of this ring, before one more is: each workspace has a sealed, empty
 *  record, made before its first secret and sealed anew when the current key changes. It is read each time, since another process may
 *  have dropped the workspace. With `look` it is neither made nor changed.
 *  Throws: corrupt, if the record can't be opened. */
export async function checkKey(
  store: SecretStore,
  keys: KeyRing,
  random: RandomBytes,
  workspace: WorkspaceId,
  call: CallOptions | undefined,
  only?: 'look',
): Promise<void> {
  for (let attempt = 1; attempt <= tries; attempt++) {
    const present = await store.get(workspace, checkName, call);
    if (present) openValue(keys, { workspace, name: checkName, version: present.version }, present.value);
    if (only === 'look' || (present && keyOfSealed(keys, present.value)?.id === keys.current.id)) return;
    const ifVersion = present?.version ?? 0;
    const value = sealValue(keys.current, { workspace, name: checkName, version: ifVersion + 1 }, new Uint8Array(0), random);
    try {
      await store.set(workspace, checkName, value, { ifVersion, writeId: writeIdOf(random) }, call);
      return;
    } catch (error) {
      if (!hasCode(error, 'conflict')) throw error; // somebody else made it just now: look at theirs
    }
  }
  throw new StoreError('busy', 'the key check of a workspace changes all the time');
}

function writeIdOf(random: RandomBytes): string {
  return `key-check-${Array.from(random(12), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
