import { stat } from 'node:fs/promises';
import { StoreError } from '@spacestore/core';
import type { Config } from '../config/config.ts';

/** A folder that is not there is a misspelt one: it must not be made, and be told as empty and sound. Where a configuration says what the stores are, the
 *  folder may be needless. Throws: invalid. */
export async function checkDataFolder({ stores, data = './data' }: Config): Promise<void> {
  if (stores !== undefined) return;
  const found = await stat(data).catch(() => undefined);
  if (!found?.isDirectory())
    throw new StoreError(
      'invalid',
      `there is no data folder ${data}: name it with --data. \`spacestore serve\` makes one, and \`--create\` on import and restore`,
    );
}
