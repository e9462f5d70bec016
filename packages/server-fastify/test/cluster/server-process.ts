import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../src/config/config.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** `spacestore serve` in a process of its own. */
export interface ServerProcess {
  readonly address: string;
  readonly port: number;
  readonly freeze: () => void;
  readonly thaw: () => void;
  readonly kill: () => Promise<void>;
  /** SIGTERM; the exit code. */
  readonly stop: () => Promise<number | null>;
  readonly metric: (name: string) => Promise<number>;
}

/** Resolves when it listens, on any free port. `after` is told how to end it, whatever became of it. */
export async function startProcess(dir: string, config: Config, after: (undo: () => Promise<void>) => void): Promise<ServerProcess> {
  await mkdir(dir, { recursive: true });
  const file = join(dir, 'spacestore.json');
  await writeFile(file, JSON.stringify({ ...config, data: join(dir, 'data') }), { mode: 0o600 });
  const child = spawn(process.execPath, ['--conditions=@spacestore/source', main, 'serve', '--config', file, '--port', '0', '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gone = once(child, 'close') as Promise<[number | null]>;
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  after(kill);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>,
    gone.then(() => Promise.reject(new Error(said))),
  ]);
  const { address } = JSON.parse(line) as { readonly address: string };
  return {
    address,
    port: Number(new URL(address).port),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    kill,
    stop: async () => {
      child.kill('SIGTERM');
      return (await gone)[0];
    },
    metric: async (name) => {
      const text = await (await fetch(`${address}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    },
  };
}
