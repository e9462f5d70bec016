import { readFile, writeFile } from 'node:fs/promises';
import { folderBlobStore } from '@spacestore/blob-fs';
import { blobStoreSubject, type RawCells, type Subject } from '@spacestore/conformance';
import type { BlobLayout } from '@spacestore/core';
import { everythingIn } from './temporary-folder.ts';

/** The files of a folder, by path. */
const filesOf = (dir: string): RawCells => ({
  read: async () => {
    const paths = (await everythingIn(dir)).filter((path) => /files\/(?:static|var)\/.*[0-9a-f]{30}$/.test(path));
    return new Map(await Promise.all(paths.map(async (path) => [path, new Uint8Array(await readFile(`${dir}/${path}`))] as const)));
  },
  write: (path, bytes) => writeFile(`${dir}/${path}`, bytes),
});

const folder = (name: string, layout: BlobLayout, fsync: boolean): Subject<'blob-store'> =>
  blobStoreSubject({
    name,
    setup: async (scope) => ({ dir: await scope.tempDir() }),
    open: ({ dir }, { clock }) => folderBlobStore({ dir, layout, fsync, clock }),
    module: import.meta.url,
    raw: ({ dir }, scope) => scope.filesUnder(dir),
    cells: ({ dir }) => filesOf(dir),
  });

export const subjects: readonly Subject<'blob-store'>[] = [folder('folder', 'object', true), folder('folder-sila', 'sila', false)];
