import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder that goes with its test. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'blob-fs-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Paths of everything below a folder, sorted. */
export async function everythingIn(dir: string): Promise<string[]> {
  return (await readdir(dir, { recursive: true })).sort();
}
