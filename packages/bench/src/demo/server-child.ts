import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** `spacestore serve` in a process of its own. */
export interface ServerChild {
  readonly address: string;
  readonly token: string;
  /** Megabytes resident now. */
  readonly memoryMegabytes: () => Promise<number>;
  readonly kill: () => Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  readonly stop: () => Promise<number | null>;
}

const command = fileURLToPath(new URL('../../../server-fastify/src/cli/main.ts', import.meta.url));

/** Resolves when it listens. Port 0 is any free one. */
export async function startServer(data: string, port: number): Promise<ServerChild> {
  const args = ['--conditions=@spacestore/source', command, 'serve', '--data', data, '--port', String(port), '--json'];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-4000);
  });
  const gone = once(child, 'exit') as Promise<[number | null]>;
  const { address, token } = JSON.parse(await firstLine(child, gone, () => log)) as { readonly address: string; readonly token: string };
  return {
    address,
    token,
    memoryMegabytes: async () => {
      const text = await (await fetch(`${address}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text();
      return Number(/^\S*process_resident_memory_bytes(?:\{[^}]*\})? (\S+)/m.exec(text)?.[1]) / 1e6;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
    stop: async () => {
      child.kill('SIGTERM');
      return (await gone)[0];
    },
  };
}

async function firstLine(child: ChildProcess, gone: Promise<unknown>, log: () => string): Promise<string> {
  const lines = createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> });
  const line = once(lines, 'line') as Promise<[string]>;
  const first = await Promise.race([line, gone.then(() => undefined)]);
  if (first === undefined) throw new Error(`the server ended before it listened:\n${log()}`);
  return first[0];
}
