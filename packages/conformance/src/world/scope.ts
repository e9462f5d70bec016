import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SetupScope } from '../subject.ts';
import { filesUnder } from './raw.ts';

export interface Scope extends SetupScope {
  /** Undoes everything, last first, and throws the first failure after all were tried. */
  readonly end: () => Promise<void>;
}

export function openScope(): Scope {
  const undos: (() => Promise<void> | void)[] = [];
  const after = (undo: () => Promise<void> | void): void => {
    undos.push(undo);
  };
  return {
    after,
    filesUnder,
    tempDir: async () => {
      const dir = await mkdtemp(join(tmpdir(), 'spacestore-conformance-'));
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
