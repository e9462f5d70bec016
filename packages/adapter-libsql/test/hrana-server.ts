import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface HranaServer {
  readonly port: number;
  /** Where its files are. */
  readonly dir: string;
  /** Kills it. */
  readonly stop: () => void;
}

/** Starts a server that ends when this process does. Unless told otherwise, it waits for no disk: it may lose a commit in a power cut, and says so. */
export async function startServer(token = '', synchronous: 'OFF' | 'FULL' = 'OFF'): Promise<HranaServer> {
  const script = fileURLToPath(new URL('./hrana-server.child.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    ['--conditions=@spacestore/source', '--disable-warning=ExperimentalWarning', script, token, synchronous],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    },
  );
  const { value } = (await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()) as { value: string | undefined };
  if (value === undefined) throw new Error('the server did not start');
  for (const held of [child, child.stdin, child.stdout]) (held as unknown as { unref: () => void }).unref();
  const place = JSON.parse(value) as { port: number; dir: string };
  const stop = (): void => {
    child.kill('SIGKILL');
    rmSync(place.dir, { recursive: true, force: true });
  };
  return { ...place, stop };
}

let shared: Promise<HranaServer> | undefined;

/** The one that all tests of this process share. */
export function sharedServer(): Promise<HranaServer> {
  shared ??= startServer();
  return shared;
}

export type Place = { readonly url: string; readonly adminUrl: string; readonly prefix: string; readonly dir: string };

/** A part of the server that nobody else uses. */
export function placeOn({ port, dir }: HranaServer): Place {
  const at = `http://127.0.0.1:${port}`;
  return { url: `${at}/dev/{database}`, adminUrl: at, prefix: `t${randomBytes(6).toString('hex')}`, dir };
}

/** Resolves when nobody has a file of the server open. */
export async function untilIdle(adminUrl: string): Promise<void> {
  for (;;) {
    const { open } = (await (await fetch(`${adminUrl}/streams`)).json()) as { open: number };
    if (open === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
