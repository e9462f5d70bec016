import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '@spacestore/core';
import { type KeyRing, keyRing, parseKeyRing } from '@spacestore/core/layers';
import type { Config } from './config/config.ts';
import { keyFile, presentKey } from './keys/key-file.ts';

/** The keys that seal secrets and sign links and backups. The data folder's own is made if nothing else is configured; with `look` one that is not
 *  there is not made, and a passing one stands in: for commands that only read. */
export async function composeKeys({ seal = {}, data = './data' }: Config, only?: 'look'): Promise<KeyRing> {
  if (seal.keys !== undefined && seal.keysFile !== undefined)
    throw new StoreError('invalid', 'config: seal takes keys or keysFile, not both');
  if (seal.keys !== undefined) return parseKeyRing(seal.keys);
  if (seal.keysFile !== undefined) {
    try {
      return parseKeyRing(await readFile(seal.keysFile, 'utf8'));
    } catch (cause) {
      if (cause instanceof StoreError) throw cause;
      throw new StoreError('unavailable', `config: ${seal.keysFile} could not be read`, { cause });
    }
  }
  const path = join(data, 'seal.key');
  return keyRing([only === 'look' ? ((await presentKey(path)) ?? randomBytes(32)) : await keyFile(path)]);
}
