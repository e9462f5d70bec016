import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SetupScope } from '../subject.ts';
import { filesUnder } from './raw.ts';

export interface Scope extends SetupScope {
  /** Undoes everything, last first, and throws the first failure after all were tried. */
  readonly end: () => Promise<void>;
}

/** Where temporary folders go: `memory` is a file system in memory, where there is one with room for it, because most laws open hundreds of
 *  files and none of those depends on how long a disk takes. */
export type ScopePlace = 'disk' | 'memory';

const roomBytes = 512 * 1024 * 1024;

async function folderOf(place: ScopePlace): Promise<string> {
  if (place === 'disk' || process.platform !== 'linux') return tmpdir();
  const { bavail, bsize } = await statfs('/dev/shm').catch(() => ({ bavail: 0, bsize: 0 })); // some containers have none
  return bavail * bsize >= roomBytes ? '/dev/shm' : tmpdir();
}

export function openScope(place: ScopePlace = 'disk'): Scope {
  const undos: (() => Promise<void> | void)[] = [];
  const after = (undo: () => Promise<void> | void): void => {
    undos.push(undo);
  };
  return {
    after,
    filesUnder,
    tempDir: async () => {
      const dir = await mkdtemp(join(await folderOf(place), 'spacestore-conformance-'));
      after(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }));
      return dir;
    },
    end: async () => {
      const failures: unknown[] = [];
      for (const undo of undos.splice(0).reverse()) {
        try {
          await undo();
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}
