import type { SubjectKind } from '../spec/kind.ts';
import type { Place, Subject } from '../subject.ts';
import type { ChildJob } from './child-job.ts';
import type { ChildProcess } from './spawn.ts';
import { spawnChild } from './spawn.ts';
import type { Tool } from './tools.ts';

/** Every side effect of the kit beyond the store itself. */
export interface World {
  readonly tools: ReadonlySet<Tool>;
  /** Starts a process that opens the place and does a job; `under` is a command that runs it (`strace …`, `eatmydata`). */
  readonly spawn: (place: Place, job: ChildJob, under?: readonly string[]) => Promise<ChildProcess>;
  /** Open files of this process. */
  readonly openFiles: () => Promise<readonly string[]>;
}

export function worldFor<Kind extends SubjectKind>(
  subject: Subject<Kind>,
  tools: ReadonlySet<Tool>,
  after: (undo: () => Promise<void>) => void,
): World {
  return {
    tools,
    spawn: async (place, job, under = []) => {
      if (subject.module === undefined) throw new TypeError(`${subject.name} names no module, so no child process can open it`);
      const child = await spawnChild({ module: subject.module, subject: subject.name, kind: subject.kind, place, job }, under);
      after(async () => {
        await child.kill();
      });
      return child;
    },
    openFiles,
  };
}

async function openFiles(): Promise<readonly string[]> {
  const { readdir, readlink } = await import('node:fs/promises');
  const links = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => undefined)));
  // A descriptor closed between the two calls has no link any more.
  return links.filter((link) => link !== undefined).sort();
}
