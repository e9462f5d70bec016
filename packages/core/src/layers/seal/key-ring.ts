import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { StoreError } from '../../errors.ts';
import type { WorkspaceId } from '../../ids.ts';

/** A master key. The bytes stay inside: printing it shows its id alone. */
export interface MasterKey {
  /** 16 hex digits that follow from the key and don't tell it. */
  readonly id: string;
  /** The key that wraps a workspace's data keys: 32 bytes, the caller's to wipe. */
  readonly workspaceKey: (workspace: WorkspaceId) => Uint8Array;
  /** A key that signs things of one kind, such as links: 32 bytes that tell nothing of the master key or of those for other kinds. */
  readonly signingKey: (purpose: string) => Uint8Array;
}

/** The keys that may open, and the one that seals. */
export interface KeyRing {
  readonly current: MasterKey;
  readonly byId: (id: string) => MasterKey | undefined;
}

const keyBytes = 32;

/** A ring of keys of 32 random bytes each, the first one current. The bytes are copied. Throws: invalid. */
export function keyRing(keys: readonly Uint8Array[]): KeyRing {
  const masters = keys.map(masterKey);
  const ids = new Map(masters.map((key) => [key.id, key]));
  const [current] = masters;
  if (!current) throw new StoreError('invalid', 'a key ring needs at least one key');
  if (ids.size !== masters.length) throw new StoreError('invalid', 'a key comes twice in the key ring');
  return { current, byId: (id) => ids.get(id) };
}

/** A ring from text: one key of 64 hex digits a line, the current one first; lines that are empty or begin with # don't count.
 *  Throws: invalid, naming the line and nothing of what it holds. */
export function parseKeyRing(text: string): KeyRing {
  const lines = text.split(/\r?\n/).map((line, i) => ({ number: i + 1, content: line.trim() }));
  const keys = lines
    .filter(({ content }) => content !== '' && !content.startsWith('#'))
    .map(({ number, content }) => {
      if (!/^[0-9a-fA-F]{64}$/.test(content)) throw new StoreError('invalid', `line ${number} of the key ring is not 64 hex digits`);
      return hexToBytes(content);
    });
  return keyRing(keys);
}

function masterKey(given: Uint8Array): MasterKey {
  if (!(given instanceof Uint8Array) || given.length !== keyBytes) throw new StoreError('invalid', `a master key is ${keyBytes} bytes`);
  if (given.every((byte) => byte === given[0])) throw new StoreError('invalid', 'a master key must be random bytes');
  const key = given.slice();
  const derive = (purpose: string, length: number): Uint8Array =>
    hkdf(sha256, key, undefined, utf8ToBytes(`spacestore seal 1 ${purpose}`), length);
  return {
    id: bytesToHex(derive('key id', 8)),
    workspaceKey: (workspace) => derive(`workspace ${workspace}`, keyBytes),
    signingKey: (purpose) => derive(`sign ${purpose}`, keyBytes),
  };
}
