import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Megabytes of resident memory at most, in a process of its own that streams one blob into or out of a folder. */
export async function peakOf(way: 'put' | 'get', dir: string, sizeBytes: number): Promise<number> {
  const child = fileURLToPath(new URL('./peak-child.ts', import.meta.url));
  const args = ['--conditions=@spacestore/source', child, way, dir, String(sizeBytes)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return Number(stdout.trim());
}
