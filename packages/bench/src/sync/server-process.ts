import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Figures } from './figures.ts';

/** A server in a process of its own, so that its processor time and memory are its own. */
export interface ServerProcess {
  readonly url: string;
  /** What else it told at the start, such as a token. */
  readonly told: Readonly<Record<string, string>>;
  readonly figures: () => Promise<Figures>;
  /** SIGKILL: nothing is flushed. */
  readonly kill: () => Promise<void>;
}

export async function startServer(module: URL, dir: string): Promise<ServerProcess> {
  const child = fork(fileURLToPath(module), [dir], {
    execArgv: ['--conditions=@spacestore/source', '--expose-gc'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const told = (await message(child)) as Record<string, string>;
  return {
    url: told.url as string,
    told,
    figures: async () => {
      child.send('figures');
      return ((await message(child)) as { figures: Figures }).figures;
    },
    kill: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

async function message(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('the server under test ended before it answered');
  });
  const answered = once(child, 'message').then(([value]) => value as unknown);
  return Promise.race([answered, ended]);
}
