import type { Dirent } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A file as it lies on disk. */
export interface RawFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Every regular file under a folder, with its bytes. */
export async function filesUnder(dir: string): Promise<readonly RawFile[]> {
  const entries: Dirent[] = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return await Promise.all(files.map(async (path) => ({ path, bytes: await readFile(path) })));
}

/** Paths of the files that contain these bytes. */
export function filesWith(files: readonly RawFile[], needle: Uint8Array): readonly string[] {
  const wanted = Buffer.from(needle);
  return files
    .filter((file) => Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.byteLength).includes(wanted))
    .map((file) => file.path);
}

/** Puts other bytes in the place of a file's own, as a rotten disk would. */
export async function damageFile(path: string, bytes: Uint8Array): Promise<void> {
  await writeFile(path, bytes);
}
