import { lstat, readdir } from 'node:fs/promises';
import { type BlobEntry, type BlobLayout, type BlobListQuery, type BlobRoot, blobFolder, keyOfBlobPath } from '@spacestore/core';
import { notOurs, unlessMissing } from './errors.ts';
import type { Folders } from './folders.ts';

/** The blobs of a root after a key, in byte order of keys: one folder of the 256 in memory at a time. */
export async function* listFiles(
  folders: Folders,
  layout: BlobLayout,
  root: BlobRoot,
  query: Pick<BlobListQuery, 'kind' | 'after'>,
): AsyncGenerator<BlobEntry> {
  const after = query.after ?? '';
  for (const kind of ['static', 'var'] as const) {
    if (query.kind !== undefined && query.kind !== kind) continue;
    const parent = blobFolder(layout, kind);
    for (const prefix of await namesIn(folders, `${root}/${parent}`)) {
      const firstKey = `${kind}/${prefix}`;
      if (!/^[0-9a-f]{2}$/.test(prefix) || firstKey < after.slice(0, firstKey.length)) continue;
      for (const rest of await namesIn(folders, `${root}/${parent}/${prefix}`)) {
        const path = `${parent}/${prefix}/${rest}`;
        const key = keyOfBlobPath(layout, path);
        if (key === undefined || key <= after) continue;
        const stats = await unlessMissing(lstat(folders.path(`${root}/${path}`)));
        if (!stats) continue; // deleted since the folder was read
        if (!stats.isFile()) throw notOurs(stats.isSymbolicLink() ? 'a symbolic link' : 'something that is not a file');
        yield { key, sizeBytes: stats.size, modifiedAt: Math.round(stats.mtimeMs) };
      }
    }
  }
}

async function namesIn(folders: Folders, relative: string): Promise<readonly string[]> {
  if (!(await folders.has(relative))) return [];
  return ((await unlessMissing(readdir(folders.path(relative)))) ?? []).sort(); // by code units: the names are ASCII
}
