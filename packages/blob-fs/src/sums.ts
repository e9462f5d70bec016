import { readFile, rename, rm } from 'node:fs/promises';
import { type BlobKey, type BlobRoot, bytesSource, type ContentDigest, idOfKey, StoreError } from '@spacestore/core';
import { unlessMissing } from './errors.ts';
import type { Folders } from './folders.ts';
import type { Temporaries } from './temporaries.ts';
import { writeNewFile } from './write-file.ts';

/** The hashes of mutable contents, in small files beside them: `files/.sums/<two>/<rest>.<inode of the content>`.
 *  A sum belongs to one inode, so content and sum need no common step: it is written before its content appears and removed after the
 *  content is gone. Content without one (copied from elsewhere) is taken as it is, and hashed when asked for. */
export interface Sums {
  /** The hash that belongs to this content, or undefined if none was kept. Throws: corrupt, if the content has another length. */
  readonly find: (
    root: BlobRoot,
    key: BlobKey,
    content: { readonly ino: bigint; readonly sizeBytes: number },
  ) => Promise<string | undefined>;
  /** The hash is on disk. */
  readonly keep: (root: BlobRoot, key: BlobKey, content: ContentDigest & { readonly ino: bigint }) => Promise<void>;
  readonly remove: (root: BlobRoot, key: BlobKey, ino: bigint) => Promise<void>;
}

export function createSums(folders: Folders, temporaries: Temporaries, fsync: boolean): Sums {
  const folderOf = (root: BlobRoot, key: BlobKey): string => `${root}/files/.sums/${idOfKey(key).slice(0, 2)}`;
  const pathOf = (root: BlobRoot, key: BlobKey, ino: bigint): string => `${folderOf(root, key)}/${idOfKey(key).slice(2)}.${ino}`;
  return {
    find: async (root, key, content) => {
      if (!(await folders.has(folderOf(root, key)))) return undefined;
      const text = await unlessMissing(readFile(folders.path(pathOf(root, key, content.ino)), 'utf8'));
      if (text === undefined) return undefined;
      const [, sha256, size] = /^([0-9a-f]{64}) ([0-9]{1,16})\n$/.exec(text) ?? [];
      if (sha256 !== undefined && Number(size) === content.sizeBytes) return sha256;
      throw new StoreError('corrupt', 'the stored content is not what was put', { context: { key, foundBytes: content.sizeBytes } });
    },
    keep: async (root, key, { ino, sha256, sizeBytes }) => {
      await folders.ensure(folderOf(root, key));
      const temporary = temporaries.next();
      const text = bytesSource(new TextEncoder().encode(`${sha256} ${sizeBytes}\n`));
      await writeNewFile(folders.path(temporary), text, { maxBytes: 1000, fsync, modifiedAt: () => Date.now() });
      try {
        await rename(folders.path(temporary), folders.path(pathOf(root, key, ino)));
      } finally {
        await rm(folders.path(temporary), { force: true });
      }
      await folders.sync(folderOf(root, key));
    },
    remove: (root, key, ino) => rm(folders.path(pathOf(root, key, ino)), { force: true }),
  };
}
