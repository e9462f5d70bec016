import { StoreError } from '../errors.ts';
import type { Folder } from './folder.ts';
import type { SqliteEngine, SqliteHandle } from './sqlite-engine.ts';
import { closeQuietly } from './sqlite-file.ts';

/** A lock of the operating system on an empty database file: whoever dies lets it go. */
function lock(engine: SqliteEngine, folder: Folder, name: string, timeoutMs: number): SqliteHandle {
  let handle: SqliteHandle | undefined;
  try {
    folder.touch(name);
    handle = engine.open(folder.pathOf(name), 'existing');
    handle.exec(`PRAGMA busy_timeout = ${Math.trunc(timeoutMs)}; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE`);
    return handle;
  } catch (error) {
    if (handle) closeQuietly(handle);
    throw engine.storeError(error);
  }
}

/** Runs alone among all processes that make or remove files of this folder; may be nested. */
export interface FolderLock {
  readonly run: <Result>(work: () => Result) => Result;
}

export function folderLock(engine: SqliteEngine, folder: Folder, timeoutMs: number): FolderLock {
  let depth = 0;
  return {
    run: (work) => {
      const handle = depth === 0 ? lock(engine, folder, 'files.lock', timeoutMs) : undefined;
      depth++;
      try {
        return work();
      } finally {
        depth--;
        if (handle) closeQuietly(handle);
      }
    },
  };
}

export interface FolderHold {
  readonly release: () => void;
}

/** Nobody else holds the folder until `release` or the end of this process. Throws: busy if somebody does. */
export function holdFolder(engine: SqliteEngine, folder: Folder): FolderHold {
  try {
    const handle = lock(engine, folder, 'lock.db', 0);
    return { release: () => closeQuietly(handle) };
  } catch (error) {
    const known = engine.storeError(error);
    if (known.code !== 'busy') throw known;
    throw new StoreError('busy', 'another process holds this folder', { cause: known });
  }
}
