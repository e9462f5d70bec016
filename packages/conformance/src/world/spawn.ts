import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ChildOrder } from './child-job.ts';

/** A process that does a job on a store. */
export interface ChildProcess {
  /** The next line it told, or undefined once it is gone. */
  readonly line: () => Promise<string | undefined>;
  /** Passes the barrier. */
  readonly go: () => void;
  /** SIGKILL, to whatever runs it as well; resolves when the process is gone. */
  readonly kill: () => Promise<void>;
  /** Resolves with the exit code (null after a signal) and what it wrote to standard error. */
  readonly gone: Promise<{ readonly code: number | null; readonly errors: string }>;
}

/** A child that ended before it was ready. */
export class ChildDied extends Error {
  override readonly name = 'ChildDied';
}

/** Starts a child and resolves when it has opened its store. Throws if it dies before. */
export async function spawnChild(order: ChildOrder, under: readonly string[]): Promise<ChildProcess> {
  const script = childScript();
  const node = [process.execPath, ...(script.endsWith('.ts') ? ['--conditions=@spacestore/source'] : []), script, JSON.stringify(order)];
  const [command, ...args] = [...under, ...node] as [string, ...string[]];
  // A group of its own, so that a kill also reaches a program that runs the child.
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4000);
  });
  const gone = new Promise<{ code: number | null; errors: string }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, errors }));
  });
  child.stdin.on('error', () => child.stdin.destroy()); // the child may be dead already: `gone` tells
  const self: ChildProcess = {
    line: async () => {
      const next = await lines.next();
      return next.done === true ? undefined : next.value;
    },
    go: () => {
      child.stdin.write('go\n');
    },
    kill: async () => {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) killGroup(child.pid);
      await gone;
    },
    gone,
  };
  const first = await self.line();
  if (first === 'ready') return self;
  throw new ChildDied(`the child did not open its store: ${first ?? (await gone).errors}`);
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // gone between the check and the kill
  }
}

/** The child's program: beside this file in the sources, at a fixed place in the built package. */
function childScript(): string {
  const places = ['./child.ts', './child.js', './world/child.js', '../world/child.js'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = places.find((path) => existsSync(path));
  if (found === undefined) throw new Error('the program of the child process is missing from the package');
  return found;
}
