import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { drainSource } from '../byte-source.ts';
import type { ByteSource } from '../contracts/blob-store.ts';
import { isStoreError, StoreError } from '../errors.ts';
import type { Folder } from './folder.ts';

const temporaryPrefix = '.tmp-';
const abandonedAfterMs = 24 * 60 * 60 * 1000;

/** A folder of this machine, made if it is not there. Throws: unavailable. */
export function nodeFolder(dir: string): Folder {
  const pathOf = (name: string): string => join(dir, name);
  attempt('make the folder', () => {
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
    fs.chmodSync(dir, 0o700);
  });

  const sync = (): void =>
    attempt('sync the folder', () => {
      const descriptor = fs.openSync(dir, 'r');
      try {
        fs.fsyncSync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
    });
  const remove = (name: string): void => attempt('remove a file', () => fs.rmSync(pathOf(name), { force: true }));

  const sources = new Set<string>();
  const forgotten = new FinalizationRegistry<string>((name) => {
    if (sources.delete(name)) remove(name);
  });

  return {
    pathOf,
    exists: (name) => attempt('look at a file', () => isPlainFile(pathOf(name))),
    names: () => attempt('list the folder', () => fs.readdirSync(dir)),
    touch: (name) =>
      attempt('make a file', () => {
        fs.closeSync(fs.openSync(pathOf(name), 'a', 0o600));
      }),
    remove,
    rename: (from, to) => {
      attempt('rename a file', () => fs.renameSync(pathOf(from), pathOf(to)));
      sync();
    },
    sync,
    temporaryName: (purpose) => `${temporaryPrefix}${purpose}-${randomBytes(8).toString('hex')}`,
    sweep: () =>
      attempt('sweep the folder', () => {
        const before = Date.now() - abandonedAfterMs;
        for (const name of fs.readdirSync(dir).filter((each) => each.startsWith(temporaryPrefix)))
          if ((fs.lstatSync(pathOf(name), { throwIfNoEntry: false })?.mtimeMs ?? before) < before) remove(name);
      }),
    write: async (name, source, maxBytes, call) => {
      const file = await later('make a file', () => open(pathOf(name), 'wx', 0o600));
      try {
        await drainSource(source, { maxBytes, call }, (chunk) => later('write a file', () => file.writeFile(chunk)));
        await later('sync a file', () => file.sync());
      } finally {
        await file.close();
      }
    },
    asSource: (name) => {
      const path = pathOf(name);
      const source: ByteSource = {
        sizeBytes: attempt('look at a file', () => fs.statSync(path).size),
        // The stream holds the source, so that the file stays while somebody reads it.
        open: () => readChunks(path, () => source),
      };
      sources.add(name);
      forgotten.register(source, name);
      return source;
    },
    removeSources: () => {
      for (const name of sources) remove(name);
      sources.clear();
    },
  };
}

async function* readChunks(path: string, holder: () => ByteSource): AsyncGenerator<Uint8Array> {
  const file = await later('open a file', () => open(path, 'r'));
  try {
    for (;;) {
      const chunk = new Uint8Array(256 * 1024);
      const { bytesRead } = await later('read a file', () => file.read(chunk, 0, chunk.length));
      if (bytesRead === 0) return;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
    holder();
  }
}

/** A link is refused: it could lead out of the folder. */
function isPlainFile(path: string): boolean {
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isFile()) throw new StoreError('corrupt', 'not a plain file where a database should be');
  return found !== undefined;
}

function attempt<Result>(what: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw failed(what, error);
  }
}

async function later<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw failed(what, error);
  }
}

function failed(what: string, error: unknown): StoreError {
  if (isStoreError(error)) return error;
  const engine = (error as { code?: unknown } | null)?.code === 'ENOSPC' ? { engine: 'SQLITE_FULL' } : {};
  return new StoreError('unavailable', `could not ${what}`, { cause: error, context: engine });
}
