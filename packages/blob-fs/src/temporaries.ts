import { createHash, randomBytes } from 'node:crypto';
import { lstat, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { unlessMissing } from './errors.ts';
import type { Folders } from './folders.ts';

/** Where half-written files and dropped roots are: a dot is in no root's name. */
export const workFolder = '.spacestore';

/** Names of what is not finished: `<machine>-<process id>-<random>`. */
export interface Temporaries {
  /** A path nobody else has. */
  readonly next: () => string;
  /** Removes what writers that are gone left behind. */
  readonly sweep: () => Promise<void>;
}

/** A leftover is a file whose writer was a process of this machine (this boot, these process ids) that has ended, or that nobody
 *  wrote to for `ttlMs`. The age is the file system's, so it is compared with the real time and not with a store's clock. A writer
 *  that sleeps longer than that loses its file and its put fails: nothing wrong becomes visible. */
export async function createTemporaries(folders: Folders, ttlMs: number): Promise<Temporaries> {
  await folders.ensure(workFolder);
  const machine = await machineTag();
  const isLeftover = async (name: string): Promise<boolean> => {
    const [tag, pid] = name.split('-');
    if (tag === machine && machine !== unknownMachine && !isRunning(Number(pid))) return true;
    const stats = await unlessMissing(lstat(folders.path(`${workFolder}/${name}`)));
    return stats !== undefined && Date.now() - stats.mtimeMs > ttlMs;
  };
  return {
    next: () => `${workFolder}/${machine}-${process.pid}-${randomBytes(12).toString('hex')}`,
    sweep: async () => {
      for (const name of await readdir(folders.path(workFolder)))
        if (await isLeftover(name)) await rm(folders.path(`${workFolder}/${name}`), { recursive: true, force: true });
    },
  };
}

const unknownMachine = 'x';

/** Equal for two processes only if a process id means the same to both. */
async function machineTag(): Promise<string> {
  const boot = await unlessMissing(readFile('/proc/sys/kernel/random/boot_id', 'utf8'));
  const ids = await unlessMissing(readlink('/proc/self/ns/pid'));
  if (boot === undefined || ids === undefined) return unknownMachine;
  return createHash('sha256').update(`${boot}/${ids}`).digest('hex').slice(0, 16);
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'; // EPERM: somebody else's, but running
  }
}
