import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { StoreError } from '../../errors.ts';
import type { SecretName, WorkspaceId } from '../../ids.ts';
import type { KeyRing, MasterKey } from './key-ring.ts';

/** Where a sealed value belongs: it opens nowhere else. */
export interface SealPlace {
  readonly workspace: WorkspaceId;
  readonly name: SecretName;
  readonly version: number;
}

/** `length` random bytes, different each time. */
export type RandomBytes = (length: number) => Uint8Array;

const format = 1;
const idBytes = 8;
const nonceBytes = 24;
const tagBytes = 16;
const keyBytes = 32;
const wrappedAt = 1 + idBytes;
const valueAt = wrappedAt + nonceBytes + keyBytes + tagBytes;

/** What sealing adds to a value. */
export const sealOverheadBytes: number = valueAt + nonceBytes + tagBytes;

/** format (1) · key id (8) · nonce (24) · wrapped data key (32 + 16) · nonce (24) · value (n + 16).
 *  A new data key for each value, wrapped by the workspace's key; both authenticate format, key id, workspace, name and version.
 *  Source: XChaCha20-Poly1305, draft-irtf-cfrg-xchacha-03; random nonces of 24 bytes don't repeat. */
export function sealValue(key: MasterKey, place: SealPlace, value: Uint8Array, random: RandomBytes): Uint8Array {
  const dataKey = random(keyBytes);
  const workspaceKey = key.workspaceKey(place.workspace);
  try {
    const head = concatBytes(Uint8Array.of(format), hexToBytes(key.id));
    const keyNonce = random(nonceBytes);
    const valueNonce = random(nonceBytes);
    const wrapped = xchacha20poly1305(workspaceKey, keyNonce, bound(head, 'key', place)).encrypt(dataKey);
    const sealed = xchacha20poly1305(dataKey, valueNonce, bound(head, 'value', place)).encrypt(value);
    return concatBytes(head, keyNonce, wrapped, valueNonce, sealed);
  } finally {
    dataKey.fill(0);
    workspaceKey.fill(0);
  }
}

/** The value that was sealed for this place. Throws: corrupt, with the same message whatever is wrong: key, place or bytes. */
export function openValue(keys: KeyRing, place: SealPlace, sealed: Uint8Array): Uint8Array {
  const key = keyOfSealed(keys, sealed);
  if (!key) throw cannotOpen(place);
  const workspaceKey = key.workspaceKey(place.workspace);
  let dataKey: Uint8Array | undefined;
  try {
    const head = sealed.subarray(0, wrappedAt);
    const keyNonce = sealed.subarray(wrappedAt, wrappedAt + nonceBytes);
    const wrapped = sealed.subarray(wrappedAt + nonceBytes, valueAt);
    const valueNonce = sealed.subarray(valueAt, valueAt + nonceBytes);
    dataKey = xchacha20poly1305(workspaceKey, keyNonce, bound(head, 'key', place)).decrypt(wrapped);
    return xchacha20poly1305(dataKey, valueNonce, bound(head, 'value', place)).decrypt(sealed.subarray(valueAt + nonceBytes));
  } catch (cause) {
    throw cannotOpen(place, cause);
  } finally {
    dataKey?.fill(0);
    workspaceKey.fill(0);
  }
}

/** The key a record names, if it is whole enough to name one and the ring has it. */
export function keyOfSealed(keys: KeyRing, sealed: Uint8Array): MasterKey | undefined {
  if (sealed.length < sealOverheadBytes || sealed[0] !== format) return undefined;
  return keys.byId(bytesToHex(sealed.subarray(1, wrappedAt)));
}

/** Ids have no blank, so the parts can't run into each other. */
function bound(head: Uint8Array, part: 'key' | 'value', { workspace, name, version }: SealPlace): Uint8Array {
  return concatBytes(head, utf8ToBytes(`${part} ${workspace} ${name} ${version}`));
}

function cannotOpen({ name, version }: SealPlace, cause?: unknown): StoreError {
  return new StoreError('corrupt', 'a sealed secret cannot be opened', { context: { name, version }, cause });
}
