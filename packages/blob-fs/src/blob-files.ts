import { link, rename, rm, rmdir, unlink } from 'node:fs/promises';
import {
  type BlobInfo,
  type BlobKey,
  type BlobLayout,
  type BlobRoot,
  type ByteSource,
  blobConflict,
  blobPath,
  type CallOptions,
  type Clock,
  checkPutCondition,
  checkStaticContent,
  createKeyedLock,
  idOfKey,
  kindOfKey,
  type PutOptions,
  StoreError,
} from '@spacestore/core';
import { errnoOf, onDisk, unlessMissing } from './errors.ts';
import type { Folders } from './folders.ts';
import { digestOf, type OpenedFile, openFile } from './read-file.ts';
import { createSums } from './sums.ts';
import type { Temporaries } from './temporaries.ts';
import { type WrittenFile, writeNewFile } from './write-file.ts';

export interface BlobFilesOptions {
  readonly folders: Folders;
  readonly temporaries: Temporaries;
  readonly layout: BlobLayout;
  readonly fsync: boolean;
  readonly clock: Clock;
  readonly maxBlobBytes: number;
}

export interface FoundBlob {
  readonly opened: OpenedFile;
  readonly info: BlobInfo;
}

type Put = (
  root: BlobRoot,
  key: BlobKey,
  source: ByteSource,
  options: PutOptions | undefined,
  call: CallOptions | undefined,
) => Promise<BlobInfo>;

/** Blobs as files: each appears, changes and goes in one step of the file system. */
export interface BlobFiles {
  /** The blob with its file open, which the caller closes. */
  readonly find: (root: BlobRoot, key: BlobKey) => Promise<FoundBlob | undefined>;
  readonly putStatic: Put;
  readonly putMutable: Put;
  readonly remove: (root: BlobRoot, key: BlobKey, ifMatch: string | undefined) => Promise<void>;
  readonly drop: (root: BlobRoot) => Promise<void>;
}

/** A root may be dropped while a put is on its way: the put makes its folders again. Ends, so that a vanished file is an error. */
const maxTries = 5;

export function createBlobFiles({ folders, temporaries, layout, fsync, clock, maxBlobBytes }: BlobFilesOptions): BlobFiles {
  const lock = createKeyedLock();
  const sums = createSums(folders, temporaries, fsync);
  const relativeOf = (root: BlobRoot, key: BlobKey): string => `${root}/${blobPath(layout, key)}`;
  const folderOf = (root: BlobRoot, key: BlobKey): string => parentOf(relativeOf(root, key));
  const targetOf = (root: BlobRoot, key: BlobKey): string => folders.path(relativeOf(root, key));

  const openBlob = async (root: BlobRoot, key: BlobKey): Promise<OpenedFile | undefined> =>
    (await folders.has(folderOf(root, key))) ? openFile(targetOf(root, key)) : undefined;

  const find = async (root: BlobRoot, key: BlobKey): Promise<FoundBlob | undefined> => {
    const opened = await openBlob(root, key);
    if (!opened) return undefined;
    try {
      const sha256 = kindOfKey(key) === 'static' ? idOfKey(key) : ((await sums.find(root, key, opened)) ?? (await digestOf(opened)).sha256);
      return { opened, info: infoOf(key, { ...opened, sha256 }) };
    } catch (error) {
      await opened.file.close();
      throw error;
    }
  };

  const infoNow = async (root: BlobRoot, key: BlobKey): Promise<BlobInfo | undefined> => {
    const found = await find(root, key);
    await found?.opened.file.close();
    return found?.info;
  };

  /** Throws: conflict. Looks at what is stored only if there is a condition: an unconditional put also replaces what is damaged. */
  const checkCondition = async (root: BlobRoot, key: BlobKey, options: PutOptions | undefined): Promise<void> => {
    if (options?.ifMatch === undefined && options?.ifNoneMatch === undefined) return;
    checkPutCondition(key, options, (await infoNow(root, key))?.version);
  };

  /** Writes the source aside, then lets `place` put it where it belongs; no temporary file stays. */
  const write = async (
    root: BlobRoot,
    key: BlobKey,
    source: ByteSource,
    options: PutOptions | undefined,
    call: CallOptions | undefined,
    place: (temporary: string, written: WrittenFile) => Promise<BlobInfo | undefined>,
  ): Promise<BlobInfo> => {
    await onDisk(() => checkCondition(root, key, options));
    const temporary = folders.path(temporaries.next());
    const written = await writeNewFile(temporary, source, { maxBytes: maxBlobBytes, call, fsync, modifiedAt: clock.now });
    return onDisk(async () => {
      try {
        checkStaticContent(key, written.sha256);
        return await lock(relativeOf(root, key), async () => {
          await checkCondition(root, key, options);
          return whileRemoved(() => place(temporary, written));
        });
      } finally {
        await rm(temporary, { force: true });
      }
    });
  };

  const putStatic: Put = (root, key, source, options, call) =>
    write(root, key, source, options, call, async (temporary, written) => {
      await folders.ensure(folderOf(root, key));
      if (!(await linkNew(temporary, targetOf(root, key)))) {
        const present = await openFile(targetOf(root, key));
        if (!present) return undefined; // gone again
        if (await holds(present, written.sha256)) {
          await folders.sync(folderOf(root, key)); // somebody else may have put it there a moment ago
          return infoOf(key, { ...written, modifiedAt: present.modifiedAt });
        }
        await rename(temporary, targetOf(root, key)); // damaged: mended by this put
      }
      await folders.sync(folderOf(root, key));
      return infoOf(key, written);
    });

  const putMutable: Put = (root, key, source, options, call) =>
    write(root, key, source, options, call, async (temporary, written) => {
      const old = await openBlob(root, key);
      await old?.file.close();
      await folders.ensure(folderOf(root, key));
      await sums.keep(root, key, written);
      if (options?.ifNoneMatch === undefined) await rename(temporary, targetOf(root, key));
      else if (!(await linkNew(temporary, targetOf(root, key)))) throw blobConflict(key, (await infoNow(root, key))?.version);
      await folders.sync(folderOf(root, key));
      if (old) await sums.remove(root, key, old.ino);
      return infoOf(key, written);
    });

  return {
    find,
    putStatic,
    putMutable,

    remove: (root, key, ifMatch) =>
      lock(relativeOf(root, key), async () => {
        const present = await openBlob(root, key);
        await present?.file.close();
        if (!present) return;
        const version = ifMatch === undefined ? undefined : (await infoNow(root, key))?.version;
        if (version !== ifMatch) throw blobConflict(key, version);
        await unlessMissing(unlink(targetOf(root, key)));
        await folders.sync(folderOf(root, key));
        if (kindOfKey(key) === 'var') await sums.remove(root, key, present.ino);
      }),

    drop: async (root) => {
      if (!(await folders.has(`${root}/files`))) return;
      const aside = folders.path(temporaries.next());
      await unlessMissing(rename(folders.path(`${root}/files`), aside)); // one step for all readers
      folders.forget();
      await unlessMissing(folders.sync(root));
      await rm(aside, { recursive: true, force: true });
      for (let folder: string = root; folder !== '' && (await removeEmpty(folders.path(folder))); ) {
        folder = parentOf(folder);
        await unlessMissing(folders.sync(folder));
      }
    },
  };
}

function infoOf(key: BlobKey, file: { readonly sizeBytes: number; readonly sha256: string; readonly modifiedAt: number }): BlobInfo {
  const { sizeBytes, sha256, modifiedAt } = file;
  return { key, sizeBytes, sha256, version: sha256, modifiedAt };
}

/** Repeats work that came to nothing because its file or folders were removed meanwhile. */
async function whileRemoved<Result>(work: () => Promise<Result | undefined>): Promise<Result> {
  for (let tries = 1; tries <= maxTries; tries++) {
    const result = await unlessMissing(work());
    if (result !== undefined) return result;
  }
  throw new StoreError('busy', 'the place of the blob was removed again and again');
}

/** Whether the new name was free and is the file's now. */
async function linkNew(file: string, name: string): Promise<boolean> {
  try {
    await link(file, name);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function holds(opened: OpenedFile, sha256: string): Promise<boolean> {
  try {
    return (await digestOf(opened)).sha256 === sha256;
  } finally {
    await opened.file.close();
  }
}

/** Whether the folder was empty and is gone. */
async function removeEmpty(path: string): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

/** The folder of a relative path: '' is the place itself. */
function parentOf(relative: string): string {
  return relative.slice(0, Math.max(0, relative.lastIndexOf('/')));
}
