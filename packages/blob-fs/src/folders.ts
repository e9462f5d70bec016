import { lstat, mkdir, open } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { StoreError } from '@spacestore/core';
import { errnoOf, notOurs, unlessMissing } from './errors.ts';

/** Folders remembered as on disk: forgotten all at once, which only costs fsyncs. */
const maxRemembered = 10_000;

/** The folders below one place. No symbolic link is followed below it, and no path leaves it. */
export interface Folders {
  /** The path of something below the place. Throws: internal, for a path that would leave it. */
  readonly path: (relative: string) => string;
  /** Whether the folder is there. Throws: corrupt, if a part of the path is not a real folder. */
  readonly has: (relative: string) => Promise<boolean>;
  /** The folder is there when it resolves, mode 0700, and every entry on its path is on disk. */
  readonly ensure: (relative: string) => Promise<void>;
  /** The entries of the folder are on disk. */
  readonly sync: (relative: string) => Promise<void>;
  /** What was remembered may no longer hold. */
  readonly forget: () => void;
}

export function createFolders(base: string, fsync: boolean): Folders {
  // Another writer may have made a folder and not yet synced it: whoever puts something into it first syncs the path itself, once.
  const onDisk = new Set<string>();

  const path = (relative: string): string => {
    const full = join(base, relative);
    if (full.startsWith(base + sep) || full === base) return full;
    throw new StoreError('internal', 'a path would leave the folder of the blobs');
  };
  const sync = async (relative: string): Promise<void> => {
    if (fsync) await syncFolder(path(relative));
  };
  const isFolder = async (relative: string): Promise<boolean> => {
    const stats = await unlessMissing(lstat(path(relative)));
    if (stats && !stats.isDirectory()) throw notOurs(stats.isSymbolicLink() ? 'a symbolic link' : 'a file where a folder belongs');
    return stats !== undefined;
  };

  return {
    path,
    sync,
    has: async (relative) => {
      for (const part of prefixes(relative)) if (!(await isFolder(part))) return false;
      return true;
    },
    ensure: async (relative) => {
      let parent = '';
      for (const part of prefixes(relative)) {
        const made = !(await isFolder(part)) && (await make(path(part)));
        if (made || !onDisk.has(part)) await sync(parent);
        if (onDisk.size >= maxRemembered) onDisk.clear();
        onDisk.add(part);
        parent = part;
      }
    },
    forget: () => onDisk.clear(),
  };
}

/** The folder is there, with mode 0700 if it had to be made, and so are those above it; what was made is on disk. */
export async function makeFolder(path: string, fsync: boolean): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined || !fsync) return;
  for (let made = resolve(path); made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** `a`, `a/b`, `a/b/c` of `a/b/c`. */
function prefixes(relative: string): readonly string[] {
  const segments = relative.split('/');
  return segments.map((_, i) => segments.slice(0, i + 1).join('/'));
}

async function make(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}
